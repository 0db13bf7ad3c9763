import * as vscode from "vscode";
import { type Editor, guestScheme } from "../editor/index.ts";
import { GuestFileSystem } from "./provider.ts";
import { Renamed } from "./renamed.ts";
import { Starter } from "./starter.ts";
import { Watches } from "./watches.ts";

/** The room's door: files of guests as `vm://NAME/path`, in trusted and untrusted workspaces alike: nothing of them is run. */
export function registerFileSystem(editor: Editor): vscode.Disposable {
  const renamed = new Renamed(editor);
  const watches = new Watches(editor, renamed);
  const starter = new Starter(editor, (uris) => watches.found(uris));
  const provider = new GuestFileSystem(editor, { renamed, starter, watches });
  const registered = vscode.workspace.registerFileSystemProvider(guestScheme, provider, { isCaseSensitive: true });
  return vscode.Disposable.from(registered, starter, watches, renamed);
}
