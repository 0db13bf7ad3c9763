import * as vscode from "vscode";
import { isRunning } from "../editor/index.ts";
import { type Command, manyVerb } from "./command.ts";
import { confirmLoss } from "./confirm.ts";

const { t } = vscode.l10n;

/** The reset button: the guest is not asked. */
export const reset: Command = manyVerb({
  title: () => t("Machines to reset"),
  fits: isRunning,
  none: () => t("No machine is running."),
  doing: (names) => t("Resetting {0}", names),
  run: ({ editor }, machine, options) => editor.service.call("machine.reset", { machine: machine.id }, options),
  confirm: (machines) => confirmLoss(machines, t("What the guest has not written to its disks is lost."), t("Reset")),
});
