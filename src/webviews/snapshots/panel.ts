import * as vscode from "vscode";
import type { MachineSummary, SnapshotList } from "../../api/index.ts";
import { ageWords, bytesWords, type Editor, factsOf, hasProcess, isWhole, operationWords, plain, stateWord } from "../../editor/index.ts";
import { dispatch, escapeHtml, type Handlers, pageHtml, webviewFolder } from "../ui/index.ts";
import { l10n } from "../ui/l10n.ts";
import { type PageState, presentId, type SnapshotAction, type ToExtension, type ToPage } from "./messages.ts";
import { comparisonOf, snapshotsState, type Words } from "./view.ts";

/** Ages grow by themselves: drawn again this often while somebody looks. */
const ageMs = 60_000;

const words: Words = {
  bytes: bytesWords,
  age: (time) => ageWords(time, Date.now(), vscode.env.language),
  time: (time) => new Date(time).toLocaleString(vscode.env.language, { dateStyle: "medium", timeStyle: "medium" }),
  plain,
};

/**
 * One machine's past in an editor tab. The list is asked for anew when an event says that it changed; the page changes
 * only what differs, so that focus and scroll stay.
 */
export class SnapshotsPanel implements vscode.Disposable {
  readonly #editor: Editor;
  readonly #panel: vscode.WebviewPanel;
  readonly #target: PageState;
  readonly #subscriptions: vscode.Disposable[];
  readonly #thumbnails = new Map<string, Promise<string | null>>();
  readonly #openedAt = performance.now();
  #list: SnapshotList | undefined;
  #problem: { message: string; hint?: string } | undefined;
  #version = 0;
  #asked = 0;
  #pageReady = false;
  #pointed: Extract<ToPage, { type: "select" }> | undefined;
  #disposed = false;

  constructor(editor: Editor, panel: vscode.WebviewPanel, target: PageState) {
    this.#editor = editor;
    this.#panel = panel;
    this.#target = target;
    const { extensionUri } = editor.context;
    const icon = (theme: string) => vscode.Uri.joinPath(extensionUri, "media", `snapshots-${theme}.svg`);
    panel.iconPath = { light: icon("light"), dark: icon("dark") };
    panel.webview.options = { enableScripts: true, localResourceRoots: [webviewFolder(extensionUri)] };
    const handlers = this.#handlers();
    const timer = setInterval(() => {
      this.#thumbnails.delete(presentId);
      if (panel.visible) this.#show();
    }, ageMs);
    this.#subscriptions = [
      panel.webview.onDidReceiveMessage((message: unknown) => dispatch<ToExtension>(handlers, message)),
      panel.onDidDispose(() => this.dispose()),
      panel.onDidChangeViewState(() => this.#viewChanged()),
      editor.storage.onDidChange((machine) => {
        if (machine === undefined || machine === this.machineId) this.#refresh();
      }),
      editor.machines.onDidChange(({ id, before, after }) => {
        if (before?.state !== after?.state) this.#thumbnails.delete(presentId);
        if (id === undefined || id === this.machineId || id === target.machine) this.#machineChanged();
      }),
      new vscode.Disposable(() => clearInterval(timer)),
    ];
    this.#title();
    const title = l10n.t("Snapshots of {0}", plain(target.name));
    const state: PageState = { machine: target.machine, name: target.name };
    panel.webview.html = pageHtml(panel.webview, extensionUri, {
      title,
      styles: ["snapshots-style.css"],
      scripts: ["ui.js"],
      module: "snapshots.js",
      body: `<div id="page" data-state="${escapeHtml(JSON.stringify(state))}"></div>`,
    });
    this.#refresh();
  }

  get machineId(): string {
    return this.#machine?.id ?? this.#target.machine;
  }

  reveal(): void {
    this.#panel.reveal();
  }

  /** Once the page is there, a snapshot is selected, or two are compared. */
  select(id: string, compareWith?: string): void {
    this.#pointed = { type: "select", id, compareWith };
    this.#goToPointed();
  }

  /** When both the page and the list are there. Other code may have named them by their names. */
  #goToPointed(): void {
    const [pointed, list] = [this.#pointed, this.#list];
    if (!pointed || !list || !this.#pageReady) return;
    this.#pointed = undefined;
    const idOf = (nameOrId: string) =>
      list.snapshots.find(({ id, name, removedAt }) => id === nameOrId || (name === nameOrId && removedAt === null))?.id ?? nameOrId;
    const { id, compareWith } = pointed;
    this.#post({ type: "select", id: idOf(id), ...(compareWith === undefined ? {} : { compareWith: idOf(compareWith) }) });
  }

  dispose(): void {
    if (this.#disposed) return;
    this.#disposed = true;
    for (const subscription of this.#subscriptions) subscription.dispose();
  }

  get #machine(): MachineSummary | undefined {
    return this.#editor.machines.find(this.#target.machine) ?? this.#editor.machines.find(this.#target.name);
  }

  #handlers(): Handlers<ToExtension> {
    return {
      ready: () => {
        this.#pageReady = true;
        this.#show({ bundle: vscode.l10n.bundle });
      },
      painted: ({ milliseconds }) => {
        const opened = Math.round(performance.now() - this.#openedAt);
        this.#editor.log.info(
          `snapshots of ${this.#target.name} on screen after ${opened} ms (the page's share: ${Math.round(milliseconds)} ms)`,
        );
      },
      thumbnails: ({ ids }) => {
        for (const id of ids) void this.#sendThumbnail(id);
      },
      compare: ({ left, right }) => void this.#compare(left, right),
      snapshot: ({ action, id }) => void vscode.commands.executeCommand(commandOf(action), this.machineId, id),
      take: ({ disksOnly }) =>
        void vscode.commands.executeCommand(disksOnly ? "vivarium.snapshot.takeDisksOnly" : "vivarium.snapshot.take", this.machineId),
      empty: () => void vscode.commands.executeCommand("vivarium.snapshot.empty", this.machineId),
      adopt: ({ disk, id }) => void vscode.commands.executeCommand("vivarium.snapshot.adopt", this.machineId, disk, id),
      console: () => void vscode.commands.executeCommand("vivarium.openConsole", this.machineId),
    };
  }

  #title(): void {
    const title = l10n.t("{0} – Snapshots", plain(this.#machine?.name ?? this.#target.name));
    if (this.#panel.title !== title) this.#panel.title = title;
  }

  #viewChanged(): void {
    // A hidden page is gone: it says `ready` when it is made anew.
    if (!this.#panel.visible) this.#pageReady = false;
  }

  #machineChanged(): void {
    this.#title();
    if (!this.#list && this.#machine) this.#refresh();
    else this.#show();
  }

  #refresh(): void {
    this.#asked += 1;
    const asked = this.#asked;
    this.#thumbnails.delete(presentId);
    this.#ask().then(
      (list) => {
        if (asked !== this.#asked) return;
        this.#list = list;
        this.#problem = undefined;
        this.#show();
      },
      (error: unknown) => {
        if (asked !== this.#asked) return;
        const { message, hint } = factsOf(error);
        this.#problem = { message: plain(message, 400), ...(hint === undefined ? {} : { hint: plain(hint, 400) }) };
        this.#show();
      },
    );
  }

  async #ask(): Promise<SnapshotList> {
    const { machines, storage } = this.#editor;
    await machines.load();
    const machine = this.#machine;
    if (!machine) throw new Error(l10n.t("There is no machine “{0}”.", plain(this.#target.name)));
    return storage.snapshots(machine.id);
  }

  #show(more: { bundle?: Readonly<Record<string, string>> | undefined } = {}): void {
    if (!this.#pageReady) return;
    const machine = this.#machine;
    this.#version += 1;
    const state = snapshotsState(
      this.#version,
      {
        machine: machine ?? { id: this.#target.machine, name: this.#target.name },
        live: machine !== undefined && hasProcess(machine),
        whole: machine !== undefined && isWhole(machine),
        stateWord: machine ? stateWord(machine) : l10n.t("removed"),
        operationWord: machine && operationWords(machine),
        list: this.#list,
        problem: this.#problem,
      },
      words,
    );
    this.#post({ type: "state", state, ...more });
    this.#goToPointed();
  }

  async #sendThumbnail(id: string): Promise<void> {
    const known = this.#thumbnails.get(id) ?? this.#askThumbnail(id);
    this.#thumbnails.set(id, known);
    this.#post({ type: "thumbnail", id, png: await known });
  }

  /** A snapshot's picture never changes; the present's is what the guest shows now. */
  async #askThumbnail(id: string): Promise<string | null> {
    const { service, log } = this.#editor;
    const machine = this.machineId;
    try {
      const { pngBase64 } =
        id === presentId
          ? await service.call("machine.screenshot", { machine })
          : await service.call("snapshot.thumbnail", { machine, snapshot: id });
      return pngBase64;
    } catch (error) {
      log.debug(`no picture of ${id}: ${factsOf(error).message}`);
      return null;
    }
  }

  async #compare(left: string, right: string): Promise<void> {
    try {
      // The present can only be on the right.
      const [first, second] = left === presentId ? [right, left] : [left, right];
      const compared = await this.#editor.service.call("snapshot.compare", {
        machine: this.machineId,
        left: first,
        ...(second === presentId ? {} : { right: second }),
      });
      this.#post({ type: "comparison", left, right, result: comparisonOf(compared, this.#nameOf(first), this.#nameOf(second), words) });
    } catch (error) {
      this.#post({ type: "comparison", left, right, result: { problem: plain(factsOf(error).message, 400) } });
    }
  }

  #nameOf(id: string): string {
    if (id === presentId) return l10n.t("Now");
    return plain(this.#list?.snapshots.find((snapshot) => snapshot.id === id)?.name ?? id, 100);
  }

  #post(message: ToPage): void {
    if (!this.#disposed && this.#pageReady) void this.#panel.webview.postMessage(message);
  }
}

function commandOf(action: SnapshotAction): string {
  return `vivarium.snapshot.${action}`;
}
