import * as vscode from "vscode";
import { isRunning } from "../editor/index.ts";
import { type Command, manyVerb } from "./command.ts";

const { l10n } = vscode;

/** Freezes the guest in memory. */
export const pause: Command = manyVerb({
  title: () => l10n.t("Machines to pause"),
  fits: isRunning,
  none: () => l10n.t("No machine is running."),
  doing: (names) => l10n.t("Pausing {0}", names),
  run: ({ editor }, machine, options) => editor.service.call("machine.pause", { machine: machine.id }, options),
});
