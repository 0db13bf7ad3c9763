import * as vscode from "vscode";
import { hasProcess } from "../editor/index.ts";
import { type Command, manyVerb } from "./command.ts";
import { confirmLoss } from "./confirm.ts";

const { l10n } = vscode;

/** Ends the process at once, as if the plug were pulled. */
export const kill: Command = manyVerb({
  title: () => l10n.t("Machines to kill"),
  fits: hasProcess,
  none: () => l10n.t("No machine is running."),
  doing: (names) => l10n.t("Killing {0}", names),
  run: ({ editor }, machine, options) => editor.service.call("machine.kill", { machine: machine.id }, options),
  confirm: (machines) => confirmLoss(machines, l10n.t("What the guest has not written to its disks is lost."), l10n.t("Kill")),
});
