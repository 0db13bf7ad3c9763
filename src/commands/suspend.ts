import * as vscode from "vscode";
import { isRunning } from "../editor/index.ts";
import { type Command, manyVerb } from "./command.ts";

const { t } = vscode.l10n;

/** Memory goes to disk and the process ends; start wakes it. */
export const suspend: Command = manyVerb({
  title: () => t("Machines to suspend"),
  fits: isRunning,
  none: () => t("No machine is running."),
  doing: (names) => t("Suspending {0}", names),
  run: ({ editor }, machine, options) => editor.service.call("machine.suspend", { machine: machine.id }, options),
});
