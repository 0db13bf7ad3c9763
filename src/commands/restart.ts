import * as vscode from "vscode";
import { canStop } from "../editor/index.ts";
import { type Command, manyVerb } from "./command.ts";

const { l10n } = vscode;

/** Stop, then start: pending changes of vm.json take effect. */
export const restart: Command = manyVerb({
  title: () => l10n.t("Machines to restart"),
  fits: canStop,
  none: () => l10n.t("No machine is running."),
  doing: (names) => l10n.t("Restarting {0}", names),
  run: ({ editor }, machine, options) => editor.service.call("machine.restart", { machine: machine.id }, options),
});
