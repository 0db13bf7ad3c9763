import * as vscode from "vscode";
import type { Editor } from "./editor.ts";

/**
 * A folder may name a machine whose console is shown when it is opened: `.vivarium/welcome.json`, `{"console": "hello"}`.
 * Only a machine that runs already is shown, so that this needs no trust: nothing is started.
 */
export async function showWelcome(editor: Editor): Promise<void> {
  const folder = vscode.workspace.workspaceFolders?.[0];
  if (!folder) return;
  const file = vscode.Uri.joinPath(folder.uri, ".vivarium", "welcome.json");
  const text = await vscode.workspace.fs.readFile(file).then(
    (bytes) => Buffer.from(bytes).toString("utf8"),
    () => undefined,
  );
  const name = text === undefined ? undefined : await consoleOf(text);
  if (name === undefined) return;
  await editor.machines.load();
  if (editor.machines.find(name)?.state !== "running") return;
  await vscode.commands.executeCommand("vivarium.machines.focus");
  await vscode.commands.executeCommand("vivarium.openConsole", name);
}

async function consoleOf(text: string): Promise<string | undefined> {
  // The model brings its schemas: a window without such a folder does not pay for them.
  const { machineNamePattern } = await import("../model/index.ts");
  try {
    const { console: name } = JSON.parse(text) as { console?: unknown };
    return typeof name === "string" && machineNamePattern.test(name) ? name : undefined;
  } catch {
    return undefined;
  }
}
