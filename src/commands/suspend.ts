import * as vscode from "vscode";
import { isRunning } from "../editor/index.ts";
import { type Command, manyVerb } from "./command.ts";

const { l10n } = vscode;

/** Memory goes to disk and the process ends; start wakes it. */
export const suspend: Command = manyVerb({
  title: () => l10n.t("Machines to suspend"),
  fits: isRunning,
  none: () => l10n.t("No machine is running."),
  doing: (names) => l10n.t("Suspending {0}", names),
  run: ({ editor }, machine, options) => editor.service.call("machine.suspend", { machine: machine.id }, options),
});
