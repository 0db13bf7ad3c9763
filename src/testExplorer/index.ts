import * as vscode from "vscode";
import type { Editor } from "../editor/index.ts";
import type { TestFolders } from "./folders.ts";

/** The room's door: tests of repositories with a test-VM file in VS Code's Test Explorer (docs/test-machines.md). */
export function registerTestExplorer(editor: Editor): vscode.Disposable {
  // A controller shows the Testing view: there is one only while a folder of the workspace has such a file.
  let folders: TestFolders | undefined;
  const look = async (): Promise<void> => {
    const found = await foldersWithFile();
    if (found.length === 0) {
      folders?.dispose();
      folders = undefined;
      return;
    }
    // Most workspaces never need the rest of this room.
    folders ??= new (await import("./folders.ts")).TestFolders(editor);
    await folders.show(found);
  };
  let looking: Promise<void> = Promise.resolve();
  const lookAgain = () => {
    looking = looking.then(look).catch((error: unknown) => editor.log.error(error instanceof Error ? error : String(error)));
  };
  // What a file extends lies beside it, as a rule.
  const watcher = vscode.workspace.createFileSystemWatcher("**/.testvm/*.json");
  lookAgain();
  return vscode.Disposable.from(
    watcher,
    watcher.onDidCreate(lookAgain),
    watcher.onDidChange(lookAgain),
    watcher.onDidDelete(lookAgain),
    vscode.workspace.onDidChangeWorkspaceFolders(lookAgain),
    { dispose: () => folders?.dispose() },
  );
}

/** A folder of this computer alone: guests get a copy of it. */
async function foldersWithFile(): Promise<vscode.WorkspaceFolder[]> {
  const local = (vscode.workspace.workspaceFolders ?? []).filter(({ uri }) => uri.scheme === "file");
  const has = await Promise.all(
    local.map(({ uri }) =>
      vscode.workspace.fs.stat(vscode.Uri.joinPath(uri, ".testvm", "testvm.json")).then(
        () => true,
        () => false,
      ),
    ),
  );
  return local.filter((_, index) => has[index]);
}
