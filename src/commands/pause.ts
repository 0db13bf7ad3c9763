import * as vscode from "vscode";
import { isRunning } from "../editor/index.ts";
import { type Command, manyVerb } from "./command.ts";

const { t } = vscode.l10n;

/** Freezes the guest in memory. */
export const pause: Command = manyVerb({
  title: () => t("Machines to pause"),
  fits: isRunning,
  none: () => t("No machine is running."),
  doing: (names) => t("Pausing {0}", names),
  run: ({ editor }, machine, options) => editor.service.call("machine.pause", { machine: machine.id }, options),
});
