import { homedir } from "node:os";
import { join } from "node:path";
import * as vscode from "vscode";
import { hasProcess } from "../editor/index.ts";
import { type Command, oneVerb } from "./command.ts";

const { l10n } = vscode;

/** The guest's screen as a PNG file. */
export const screenshot: Command = oneVerb({
  title: () => l10n.t("Machine to take a screenshot of"),
  fits: hasProcess,
  none: () => l10n.t("No machine is running."),
  async run({ editor }, machine, target) {
    const { pngBase64 } = await editor.service.call("machine.screenshot", { machine: machine.id });
    const stamp = new Date().toISOString().slice(0, 19).replaceAll(/[:T]/g, "-");
    const folder = vscode.workspace.workspaceFolders?.[0]?.uri.fsPath ?? homedir();
    const file =
      target instanceof vscode.Uri
        ? target
        : await vscode.window.showSaveDialog({
            defaultUri: vscode.Uri.file(join(folder, `${machine.name}-${stamp}.png`)),
            filters: { [l10n.t("PNG image")]: ["png"] },
          });
    if (!file) return undefined;
    await vscode.workspace.fs.writeFile(file, Buffer.from(pngBase64, "base64"));
    if (!(target instanceof vscode.Uri)) void offerToOpen(file);
    return file;
  },
});

async function offerToOpen(file: vscode.Uri): Promise<void> {
  const open = l10n.t("Open");
  const chosen = await vscode.window.showInformationMessage(l10n.t("Screenshot saved: {0}", file.fsPath), open);
  if (chosen === open) await vscode.commands.executeCommand("vscode.open", file);
}
