import * as vscode from "vscode";
import { type Editor, plain } from "../editor/index.ts";
import type { TestFolder } from "./folders.ts";

const { l10n } = vscode;

/** Allowed names that this environment does not have: from the editor's secret storage, else asked for and kept there. */
export async function secretsOf({ context }: Editor, folder: string, names: readonly string[]): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  for (const name of names) {
    if (process.env[name] !== undefined) continue;
    const kept = await context.secrets.get(keyOf(folder, name));
    const value =
      kept ??
      (await vscode.window.showInputBox({
        title: l10n.t("Value of {0} for the test machines", plain(name)),
        prompt: l10n.t("It is kept in this editor's secret storage for this folder, and reaches the guest only."),
        password: true,
        ignoreFocusOut: true,
      }));
    if (value === undefined) continue;
    if (kept === undefined) await context.secrets.store(keyOf(folder, name), value);
    found[name] = value;
  }
  return found;
}

/** What a run profile's gear offers: the file, and to be asked for secrets again. */
export async function configure(editor: Editor, folders: readonly TestFolder[]): Promise<void> {
  const items = folders.flatMap(({ folder, root }) => [
    {
      label: l10n.t("Open testvm.json"),
      description: plain(folder.name),
      run: () => vscode.commands.executeCommand("vscode.open", root.uri),
    },
    { label: l10n.t("Forget Secrets"), description: plain(folder.name), run: () => forget(editor, folder) },
  ]);
  await (await vscode.window.showQuickPick(items, { title: l10n.t("Test Machines") }))?.run();
}

async function forget({ context }: Editor, folder: vscode.WorkspaceFolder): Promise<void> {
  const { askedEnvironment, loadFile } = await import("../testvm/index.ts");
  const loaded = await loadFile(folder.uri.fsPath);
  const names = "problems" in loaded ? [] : askedEnvironment(loaded);
  for (const name of names) await context.secrets.delete(keyOf(loaded.folder, name));
  vscode.window.setStatusBarMessage(l10n.t("The next run asks for the secrets of {0}.", plain(folder.name)), 6000);
}

function keyOf(folder: string, name: string): string {
  return JSON.stringify(["vivarium.testvm", folder, name]);
}
