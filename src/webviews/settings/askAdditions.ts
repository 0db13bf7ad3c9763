import { basename, dirname } from "node:path";
import * as vscode from "vscode";
import { type Addition, netbootAddition, shareAddition } from "./additions.ts";

const { l10n } = vscode;

/** A folder and a boot file in it are only right together: both are asked for before anything is written. */
export async function askNetboot(list: string): Promise<Addition | undefined> {
  const chosen = await vscode.window.showOpenDialog({
    canSelectFiles: true,
    title: l10n.t("Boot file, in the folder that the guest is served"),
    openLabel: l10n.t("Use"),
  });
  const file = chosen?.[0]?.fsPath;
  return file === undefined ? undefined : netbootAddition(list, dirname(file), basename(file));
}

/** A share is a folder first: its name and the rest follow. */
export async function askShare(values: unknown, machine: string): Promise<Addition | undefined> {
  const chosen = await vscode.window.showOpenDialog({
    canSelectFiles: false,
    canSelectFolders: true,
    title: l10n.t("Folder to share with {0}", machine),
    openLabel: l10n.t("Share"),
  });
  const folder = chosen?.[0]?.fsPath;
  return folder === undefined ? undefined : shareAddition(values, folder);
}
