import * as vscode from "vscode";
import { canStop } from "../editor/index.ts";
import { type Command, manyVerb } from "./command.ts";

const { t } = vscode.l10n;

/** Asks the guest to power off; when it does not, QEMU is ended, first politely. */
export const stop: Command = manyVerb({
  title: () => t("Machines to stop"),
  fits: canStop,
  none: () => t("No machine is running."),
  doing: (names) => t("Stopping {0}", names),
  run: ({ editor }, machine, options) => editor.service.call("machine.stop", { machine: machine.id }, options),
});
