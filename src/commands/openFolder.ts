import * as vscode from "vscode";
import { anyMachine, type Command, oneVerb } from "./command.ts";

const { l10n } = vscode;

/** Shows the machine's folder: in the desktop's file manager, or where there is none in a window of its own. */
export const openFolder: Command = oneVerb({
  title: () => l10n.t("Machine whose folder to open"),
  fits: anyMachine,
  none: () => l10n.t("There is no machine."),
  async run({ editor }, machine) {
    const { folder } = await editor.service.call("machine.show", { machine: machine.id });
    const uri = vscode.Uri.file(folder);
    if (vscode.env.uiKind === vscode.UIKind.Desktop && vscode.env.remoteName === undefined) {
      await vscode.commands.executeCommand("revealFileInOS", uri);
    } else {
      await vscode.commands.executeCommand("vscode.openFolder", uri, { forceNewWindow: true });
    }
    return folder;
  },
});
