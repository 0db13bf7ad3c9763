import { basename } from "node:path";
import * as vscode from "vscode";
import type { MachineSummary } from "../../api/index.ts";
import { type Editor, homeSetting, plain } from "../../editor/index.ts";

const { l10n } = vscode;

/** A folder of this host and its place in a machine. */
export interface FolderPlace {
  readonly folder: string;
  /** Absolute, in the guest. */
  readonly path: string;
}

/** The home folder as the service of this window has it. */
export async function home(): Promise<string> {
  const { homeFolder } = await import("../../api/index.ts");
  return homeFolder(homeSetting());
}

const memento = "vivarium.folderPlaces";

/** What was synced to a machine from this workspace before: by the machine's id, the last one first. */
function known(editor: Editor, machine: MachineSummary): readonly FolderPlace[] {
  return editor.context.workspaceState.get<Record<string, FolderPlace[]>>(memento, {})[machine.id] ?? [];
}

export async function remember(editor: Editor, machine: MachineSummary, place: FolderPlace): Promise<void> {
  const all = editor.context.workspaceState.get<Record<string, FolderPlace[]>>(memento, {});
  const others = known(editor, machine).filter(({ folder, path }) => folder !== place.folder || path !== place.path);
  await editor.context.workspaceState.update(memento, { ...all, [machine.id]: [place, ...others].slice(0, 8) });
}

/** Which folder and which place: what was used before, an open folder, or another one. */
export async function askForPlace(editor: Editor, machine: MachineSummary, title: string): Promise<FolderPlace | undefined> {
  const before = known(editor, machine);
  const open = (vscode.workspace.workspaceFolders ?? []).filter(({ uri }) => uri.scheme === "file").map(({ uri }) => uri.fsPath);
  const other: vscode.QuickPickItem = { label: l10n.t("Other Folder…"), iconPath: new vscode.ThemeIcon("folder-opened") };
  const items = [
    ...before.map((place) => ({
      label: basename(place.folder),
      description: `${place.folder} → ${plain(machine.name)}:${place.path}`,
      place,
    })),
    ...open.map((folder) => ({ label: basename(folder), description: folder, folder })),
    other,
  ];
  const chosen = await vscode.window.showQuickPick<vscode.QuickPickItem & { place?: FolderPlace; folder?: string }>(items, {
    title,
    placeHolder: l10n.t("Folder of this computer"),
  });
  if (chosen?.place) return chosen.place;
  const folder = chosen === other ? await askForFolder(title) : chosen?.folder;
  if (folder === undefined) return undefined;
  const path = await vscode.window.showInputBox({
    title,
    prompt: l10n.t("Folder in the guest of {0}; it is made when it is missing", plain(machine.name)),
    value: `/work/${basename(folder)}`,
    validateInput: (text) =>
      /^\/+[^/]/.test(text) && !text.split("/").includes("..") ? undefined : l10n.t("An absolute path in the guest, such as /work/src"),
  });
  return path === undefined ? undefined : { folder, path };
}

async function askForFolder(title: string): Promise<string | undefined> {
  const [uri] = (await vscode.window.showOpenDialog({ title, canSelectFolders: true, canSelectFiles: false })) ?? [];
  return uri?.fsPath;
}

/** What other code passed instead of answering: `{ folder, path }`. */
export function givenPlace(value: unknown): FolderPlace | undefined {
  if (typeof value !== "object" || value === null || !("folder" in value) || !("path" in value)) return undefined;
  const { folder, path } = value;
  return typeof folder === "string" && typeof path === "string" ? { folder, path } : undefined;
}
