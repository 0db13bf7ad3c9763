import * as vscode from "vscode";
import { canRename, plain } from "../editor/index.ts";
import { type Command, oneVerb } from "./command.ts";
import { nameProblem } from "./name.ts";

const { l10n } = vscode;

/** Renames a stopped machine and its folder. */
export const rename: Command = oneVerb({
  title: () => l10n.t("Machine to rename"),
  fits: canRename,
  none: () => l10n.t("Only stopped machines can be renamed, and none is stopped."),
  async run({ editor }, machine, given) {
    const taken = new Set(editor.machines.all.map(({ name }) => name).filter((name) => name !== machine.name));
    const name =
      typeof given === "string"
        ? given
        : await vscode.window.showInputBox({
            title: l10n.t("Rename {0}", plain(machine.name)),
            value: machine.name,
            validateInput: (text) => nameProblem(text, taken),
          });
    if (name === undefined || name === machine.name) return undefined;
    return editor.service.call("machine.rename", { machine: machine.id, name });
  },
});
