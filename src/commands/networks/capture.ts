import { homedir } from "node:os";
import { join } from "node:path";
import * as vscode from "vscode";
import { isNetworkLinkRef, plain } from "../../editor/index.ts";
import type { Command } from "../command.ts";
import { pickNetwork } from "./pick.ts";

const { l10n } = vscode;

/** To a new pcapng file; of one machine when its row was pointed at. */
export const startCapture: Command = async ({ editor }, given, target) => {
  const network = await pickNetwork(editor, given, l10n.t("Network to Capture"), ({ pid }) => pid !== null);
  if (!network) return undefined;
  const machine = isNetworkLinkRef(given) ? given.onNetwork : undefined;
  const file = target instanceof vscode.Uri ? target : await askFile(machine ?? network.name);
  if (!file) return undefined;
  return editor.service.call("network.startCapture", {
    network: network.name,
    file: file.fsPath,
    ...(machine === undefined ? {} : { machine }),
  });
};

async function askFile(name: string): Promise<vscode.Uri | undefined> {
  const stamp = new Date().toISOString().slice(0, 19).replaceAll(/[:T]/g, "-");
  const folder = vscode.workspace.workspaceFolders?.[0]?.uri.fsPath ?? homedir();
  return vscode.window.showSaveDialog({
    title: l10n.t("Capture to a New File"),
    defaultUri: vscode.Uri.file(join(folder, `${name}-${stamp}.pcapng`)),
    filters: { [l10n.t("Packet capture")]: ["pcapng"] },
  });
}

export const stopCapture: Command = async ({ editor }, given) => {
  const network = await pickNetwork(editor, given, l10n.t("Network Whose Capture to Stop"), ({ pid }) => pid !== null);
  if (!network) return undefined;
  const ended = await editor.service.call("network.stopCapture", { network: network.name });
  if (ended === null) {
    void vscode.window.showInformationMessage(l10n.t("No capture of {0} runs.", plain(network.name)));
    return null;
  }
  const open = l10n.t("Open");
  void vscode.window.showInformationMessage(l10n.t("{0} frames in {1}", ended.frames, plain(ended.file)), open).then((chosen) => {
    if (chosen === open) void openFile(ended.file);
  });
  return ended;
};

/** By the program this computer opens captures with, such as Wireshark; it can be read while it grows. */
export const openCapture: Command = async ({ editor }, given) => {
  const network = await pickNetwork(editor, given, l10n.t("Network Whose Capture to Open"), ({ pid }) => pid !== null);
  if (!network) return undefined;
  const { capture } = await editor.networks.now(network.name);
  if (capture === null) throw new Error(l10n.t("There is no capture of {0}.", plain(network.name)));
  await openFile(capture.file);
  return capture.file;
};

async function openFile(path: string): Promise<void> {
  const file = vscode.Uri.file(path);
  if (!(await vscode.env.openExternal(file))) await vscode.commands.executeCommand("revealFileInOS", file);
}
