import * as vscode from "vscode";
import { isRunning } from "../editor/index.ts";
import { type Command, manyVerb } from "./command.ts";
import { confirmLoss } from "./confirm.ts";

const { l10n } = vscode;

/** The reset button: the guest is not asked. */
export const reset: Command = manyVerb({
  title: () => l10n.t("Machines to reset"),
  fits: isRunning,
  none: () => l10n.t("No machine is running."),
  doing: (names) => l10n.t("Resetting {0}", names),
  run: ({ editor }, machine, options) => editor.service.call("machine.reset", { machine: machine.id }, options),
  confirm: (machines) => confirmLoss(machines, l10n.t("What the guest has not written to its disks is lost."), l10n.t("Reset")),
});
