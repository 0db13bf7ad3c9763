import { basename, dirname } from "node:path";
import * as vscode from "vscode";
import { bytesWords, type Editor, factsOf, plain } from "../../editor/index.ts";
import { dispatch, pageHtml, webviewFolder } from "../ui/index.ts";
import { l10n } from "../ui/l10n.ts";
import type { ImageAction, ToExtension, ToPage } from "./messages.ts";
import { imageState, type Words } from "./view.ts";

/** A file that grows (a machine writes to it) is looked at again this long after. */
const settleMs = 1000;

const words: Words = {
  bytes: bytesWords,
  time: (time) => new Date(time).toLocaleString(vscode.env.language),
  plain,
};

const commands: Readonly<Record<ImageAction, string>> = {
  import: "vivarium.import",
  convert: "vivarium.image.convert",
  check: "vivarium.image.check",
};

/** One image file, read by vivd alone: the page never sees the file, and QEMU does not either. */
export class ImageEditor implements vscode.Disposable {
  readonly #editor: Editor;
  readonly #file: vscode.Uri;
  readonly #panel: vscode.WebviewPanel;
  readonly #subscriptions: vscode.Disposable[];
  #timer: NodeJS.Timeout | undefined;
  #asked = 0;
  #disposed = false;

  constructor(editor: Editor, file: vscode.Uri, panel: vscode.WebviewPanel) {
    this.#editor = editor;
    this.#file = file;
    this.#panel = panel;
    const { extensionUri } = editor.context;
    panel.webview.options = { enableScripts: true, localResourceRoots: [webviewFolder(extensionUri)] };
    const watcher = vscode.workspace.createFileSystemWatcher(
      new vscode.RelativePattern(vscode.Uri.file(dirname(file.fsPath)), escapeGlob(basename(file.fsPath))),
    );
    this.#subscriptions = [
      panel.webview.onDidReceiveMessage((message: unknown) =>
        dispatch<ToExtension>(
          {
            ready: () => void this.#show({ bundle: vscode.l10n.bundle }),
            action: ({ action }) => void vscode.commands.executeCommand(commands[action], file),
          },
          message,
        ),
      ),
      watcher,
      watcher.onDidChange(() => this.#later()),
      watcher.onDidCreate(() => this.#later()),
      watcher.onDidDelete(() => this.#later()),
    ];
    panel.webview.html = pageHtml(panel.webview, extensionUri, {
      title: l10n.t("Image {0}", plain(basename(file.fsPath), 80)),
      styles: ["image-style.css"],
      scripts: ["ui.js"],
      module: "image.js",
      body: `<div id="page"></div>`,
    });
  }

  dispose(): void {
    this.#disposed = true;
    clearTimeout(this.#timer);
    for (const subscription of this.#subscriptions) subscription.dispose();
  }

  #later(): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      if (this.#panel.visible) void this.#show();
    }, settleMs);
  }

  async #show(more: { bundle?: Readonly<Record<string, string>> | undefined } = {}): Promise<void> {
    this.#asked += 1;
    const asked = this.#asked;
    const state = await this.#state();
    if (!this.#disposed && asked === this.#asked) void this.#panel.webview.postMessage({ type: "state", state, ...more } satisfies ToPage);
  }

  async #state(): Promise<ToPage["state"]> {
    const file = this.#file.fsPath;
    try {
      const inspection = await this.#editor.service.call("image.inspect", { file });
      return imageState(inspection, { file: basename(file), folder: dirname(file) }, words);
    } catch (error) {
      const { message, hint } = factsOf(error);
      return { problem: plain(message, 500), ...(hint === undefined ? {} : { hint: plain(hint, 500) }) };
    }
  }
}

/** A file's name as a pattern that fits only itself. */
function escapeGlob(name: string): string {
  return name.replace(/[[\]{}?*!]/g, (character) => `[${character}]`);
}
