import { join } from "node:path";
import * as vscode from "vscode";
import { isWhole } from "../editor/index.ts";
import { anyMachine, type Command, oneVerb } from "./command.ts";

const { l10n } = vscode;

/** Opens vm.json as text: the service sees the saved file and takes it, or says what is wrong with it. */
export const editDefinition: Command = oneVerb({
  title: () => l10n.t("Machine whose vm.json to open"),
  fits: anyMachine,
  none: () => l10n.t("There is no machine."),
  async run({ editor }, machine) {
    const file = isWhole(machine)
      ? (await editor.service.call("machine.definition", { machine: machine.id })).file
      : join((await editor.service.call("machine.show", { machine: machine.id })).folder, "vm.json");
    const uri = vscode.Uri.file(file);
    // With "default" the text editor opens, whatever custom editor the file has.
    await vscode.commands.executeCommand("vscode.openWith", uri, "default");
    return uri;
  },
});
