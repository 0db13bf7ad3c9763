import type * as vscode from "vscode";
import { createFromFile, registerCommands, type Work } from "./src/commands/index.ts";
import { Editor, showWelcome } from "./src/editor/index.ts";
import { registerFileSystem } from "./src/fileSystem/index.ts";
import { registerTerminals } from "./src/terminals/index.ts";
import { registerTestExplorer } from "./src/testExplorer/index.ts";
import { createImagesView, createMachinesView, createNetworksView } from "./src/vmtree/index.ts";
import { registerConsole, registerImages, registerSettings, registerSnapshots } from "./src/webviews/index.ts";

/** Only wiring: the rooms of src/ do the work, and what they need is loaded when it is needed. */
export function activate(context: vscode.ExtensionContext): void {
  const editor = new Editor(context);
  const view = createMachinesView(editor, (file, group) => createFromFile(work, file, group));
  const work: Work = { editor, view };
  context.subscriptions.push(
    editor,
    view,
    createNetworksView(editor),
    createImagesView(editor),
    registerCommands(work),
    registerConsole(editor),
    registerSettings(editor),
    registerSnapshots(editor),
    registerImages(editor),
    registerTerminals(editor),
    registerFileSystem(editor),
    registerTestExplorer(editor),
  );
  showWelcome(editor).catch((error: unknown) => editor.presentError(error));
}

/** Machines run on: vivd and QEMU are processes of their own. */
export function deactivate(): void {}
