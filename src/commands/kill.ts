import * as vscode from "vscode";
import { hasProcess } from "../editor/index.ts";
import { type Command, manyVerb } from "./command.ts";
import { confirmLoss } from "./confirm.ts";

const { t } = vscode.l10n;

/** Ends the process at once, as if the plug were pulled. */
export const kill: Command = manyVerb({
  title: () => t("Machines to kill"),
  fits: hasProcess,
  none: () => t("No machine is running."),
  doing: (names) => t("Killing {0}", names),
  run: ({ editor }, machine, options) => editor.service.call("machine.kill", { machine: machine.id }, options),
  confirm: (machines) => confirmLoss(machines, t("What the guest has not written to its disks is lost."), t("Kill")),
});
