import * as vscode from "vscode";
import { canStop } from "../editor/index.ts";
import { type Command, manyVerb } from "./command.ts";

const { t } = vscode.l10n;

/** Stop, then start: pending changes of vm.json take effect. */
export const restart: Command = manyVerb({
  title: () => t("Machines to restart"),
  fits: canStop,
  none: () => t("No machine is running."),
  doing: (names) => t("Restarting {0}", names),
  run: ({ editor }, machine, options) => editor.service.call("machine.restart", { machine: machine.id }, options),
});
