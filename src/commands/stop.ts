import * as vscode from "vscode";
import { canStop } from "../editor/index.ts";
import { type Command, manyVerb } from "./command.ts";

const { l10n } = vscode;

/** Asks the guest to power off; when it does not, QEMU is ended, first politely. */
export const stop: Command = manyVerb({
  title: () => l10n.t("Machines to stop"),
  fits: canStop,
  none: () => l10n.t("No machine is running."),
  doing: (names) => l10n.t("Stopping {0}", names),
  run: ({ editor }, machine, options) => editor.service.call("machine.stop", { machine: machine.id }, options),
});
