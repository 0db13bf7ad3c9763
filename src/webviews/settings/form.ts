import { randomBytes } from "node:crypto";
import { realpath } from "node:fs/promises";
import { basename, dirname, isAbsolute, relative, sep } from "node:path";
import * as vscode from "vscode";
import type { HostReport, MachineDetails, MachineSummary } from "../../api/index.ts";
import { bytesWords, type Editor, hasProcess, isEmulated, stateWord } from "../../editor/index.ts";
import { dispatch, escapeHtml, type Handlers, pageHtml, pageTexts, webviewFolder } from "../ui/index.ts";
import { l10n } from "../ui/l10n.ts";
import { addition, isRemovable } from "./additions.ts";
import { askNetboot, askShare } from "./askAdditions.ts";
import { type Checked, checkEdits, checkInputs } from "./check.ts";
import { readDefinition } from "./document.ts";
import { replacement, type ValueEdit } from "./edits.ts";
import { fieldAt } from "./fields.ts";
import type { DiskAction, DiskFact, FormCommand, FormState, ToExtension, ToPage } from "./messages.ts";
import { formState } from "./state.ts";

const files = { styles: ["settings-style.css"], scripts: ["ui.js"], module: "settings.js" } as const;

/** What the form's page is made of. */
export function formTexts(extensionUri: vscode.Uri): Promise<ReadonlyMap<string, string>> {
  return pageTexts(webviewFolder(extensionUri).fsPath, [...files.styles, ...files.scripts, files.module]);
}

/** One open form: a document, its page, and what vivd says of the machine. The document's text is the only truth. */
export class SettingsForm implements vscode.Disposable {
  readonly #editor: Editor;
  readonly #document: vscode.TextDocument;
  readonly #webview: vscode.Webview;
  readonly #subscriptions: vscode.Disposable[];
  readonly #openedAt = performance.now();
  #lastGood: Readonly<Record<string, unknown>> | undefined;
  #machine: MachineSummary | undefined;
  #details: MachineDetails | undefined;
  #running: Readonly<Record<string, unknown>> | undefined;
  #host: HostReport | undefined;
  #version = 0;
  #work: Promise<unknown> = Promise.resolve();
  #writing = false;
  #disposed = false;

  /** `texts`: the page's files (`formTexts`). */
  constructor(editor: Editor, document: vscode.TextDocument, panel: vscode.WebviewPanel, texts: ReadonlyMap<string, string>) {
    this.#editor = editor;
    this.#document = document;
    this.#webview = panel.webview;
    const { extensionUri } = editor.context;
    panel.webview.options = { enableScripts: true, localResourceRoots: [webviewFolder(extensionUri)] };
    const handlers = this.#handlers();
    this.#subscriptions = [
      panel.webview.onDidReceiveMessage((message: unknown) => dispatch(handlers, message)),
      vscode.workspace.onDidChangeTextDocument((change) => {
        // What the form itself writes is shown with its answer.
        if (change.document === document && change.contentChanges.length > 0 && !this.#writing) this.#show();
      }),
      vscode.workspace.onDidSaveTextDocument((saved) => {
        if (saved === document) this.#refreshMachine();
      }),
      editor.machines.onDidChange(({ id }) => {
        if (id === undefined || this.#machine === undefined || id === this.#machine.id) this.#refreshMachine();
      }),
    ];
    // Inside the page, the first state needs no message to come.
    const first: ToPage = { type: "state", state: this.#state(), bundle: vscode.l10n.bundle };
    panel.webview.html = pageHtml(panel.webview, extensionUri, {
      title: l10n.t("Settings of {0}", this.#name),
      ...files,
      texts,
      body: `<div id="form" data-first="${escapeHtml(JSON.stringify(first))}"></div>`,
    });
  }

  dispose(): void {
    this.#disposed = true;
    for (const subscription of this.#subscriptions) subscription.dispose();
  }

  /** The folder's name: it is the machine's, whatever the text says. */
  get #name(): string {
    return basename(dirname(this.#document.uri.fsPath));
  }

  #handlers(): Handlers<ToExtension> {
    return {
      ready: () => {
        this.#show({ bundle: vscode.l10n.bundle });
        this.#refreshMachine();
        this.#own(this.#askHost());
      },
      painted: ({ milliseconds }) => {
        const opened = Math.round(performance.now() - this.#openedAt);
        this.#editor.log.info(`settings of ${this.#name} on screen after ${opened} ms (the page's share: ${Math.round(milliseconds)} ms)`);
      },
      edit: (message) => this.#enqueue(() => this.#edit(message)),
      add: ({ list }) => this.#enqueue(() => this.#add(list)),
      remove: ({ path }) => {
        if (isRemovable(path)) this.#enqueue(() => this.#change([{ path, value: undefined }]));
      },
      disk: ({ action, disk }) => this.#enqueue(() => this.#disk(action, disk)),
      browse: ({ path }) => this.#own(this.#browse(path)),
      command: ({ command }) =>
        void this.#run(command).catch((error: unknown) => this.#editor.presentError(error, { machine: this.#name })),
    };
  }

  #post(message: ToPage): void {
    if (!this.#disposed) void this.#webview.postMessage(message);
  }

  #show(more: { bundle?: Readonly<Record<string, string>> | undefined; answers?: number | undefined } = {}): void {
    this.#post({ type: "state", state: this.#state(), ...more });
  }

  #state(): FormState {
    const text = this.#document.getText();
    const read = readDefinition(text);
    if (read.kind === "read") this.#lastGood = read.values;
    this.#version += 1;
    const machine = this.#machine;
    return formState({
      version: this.#version,
      text,
      lastGood: this.#lastGood,
      machine: machine && { state: stateWord(machine), live: hasProcess(machine), emulated: hasProcess(machine) && isEmulated(machine) },
      running: this.#running,
      host: this.#host,
      disks: (this.#details?.disks ?? []).map(diskFact),
    });
  }

  async #edit({ serial, inputs, commit, save }: Extract<ToExtension, { type: "edit" }>): Promise<void> {
    const checked = checkInputs(this.#document.getText(), inputs, this.#host);
    if ("problems" in checked) {
      this.#post({ type: "refused", answers: serial, problems: checked.problems });
    } else if (!commit) {
      this.#post({ type: "accepted", answers: serial });
    } else {
      await this.#write(checked.text);
      this.#show({ answers: serial });
    }
    if (save) await this.#document.save();
  }

  async #add(list: string): Promise<void> {
    const read = readDefinition(this.#document.getText());
    if (read.kind !== "read") return;
    const added = list.endsWith(".netboot")
      ? await askNetboot(list)
      : list === "shares"
        ? await askShare(read.values, this.#name)
        : addition(read.values, list, newMac);
    if (!added) return;
    if (await this.#change([added.edit])) this.#post({ type: "focus", path: added.focus });
  }

  /** vivd changes vm.json: what is not saved would be in its way. */
  async #disk(action: DiskAction, disk: string): Promise<void> {
    if (this.#document.isDirty && !(await this.#document.save())) return;
    if (!this.#machine) throw new Error(l10n.t("This file belongs to no machine of this computer."));
    await vscode.commands.executeCommand(`vivarium.disk.${action}`, { machine: this.#machine.id }, ...(action === "add" ? [] : [disk]));
    this.#refreshMachine();
  }

  async #change(edits: readonly ValueEdit[]): Promise<boolean> {
    const checked: Checked = checkEdits(this.#document.getText(), edits, this.#host);
    if ("text" in checked) {
      await this.#write(checked.text);
      this.#show();
      return true;
    }
    throw new Error(Object.values(checked.problems).join(" "));
  }

  async #write(text: string): Promise<void> {
    const document = this.#document;
    const change = replacement(document.getText(), text);
    if (!change) return;
    const edit = new vscode.WorkspaceEdit();
    edit.replace(
      document.uri,
      new vscode.Range(document.positionAt(change.offset), document.positionAt(change.offset + change.length)),
      change.text,
    );
    this.#writing = true;
    const done = await vscode.workspace.applyEdit(edit).then(
      (applied) => applied,
      () => false,
    );
    this.#writing = false;
    if (!done) throw new Error(l10n.t("{0} cannot be changed now.", document.uri.fsPath));
  }

  async #browse(path: string): Promise<void> {
    const kind = fieldAt(path)?.control.kind;
    if (kind !== "file" && kind !== "folder") return;
    const folder = dirname(this.#document.uri.fsPath);
    const chosen = await vscode.window.showOpenDialog({
      canSelectFiles: kind === "file",
      canSelectFolders: kind === "folder",
      defaultUri: vscode.Uri.file(folder),
      openLabel: l10n.t("Use"),
    });
    const file = chosen?.[0]?.fsPath;
    if (file === undefined) return;
    const below = relative(folder, file);
    const isInside = below !== "" && !isAbsolute(below) && below !== ".." && !below.startsWith(`..${sep}`);
    this.#post({ type: "chosen", path, file: isInside ? below.split(sep).join("/") : file });
  }

  async #run(command: FormCommand): Promise<void> {
    switch (command) {
      case "openAsJson":
        await vscode.commands.executeCommand("vivarium.settings.openAsJson", this.#document.uri);
        break;
      case "restart":
        if (this.#document.isDirty) await this.#document.save();
        if (this.#machine) await vscode.commands.executeCommand("vivarium.restart", { machine: this.#machine.id });
        break;
      case "rename":
        await this.#rename();
        break;
    }
  }

  /** The folder moves: what is not saved would be left behind, and the form follows. */
  async #rename(): Promise<void> {
    const machine = this.#machine;
    if (!machine) throw new Error(l10n.t("This file belongs to no machine of this computer."));
    if (this.#document.isDirty && !(await this.#document.save())) return;
    await vscode.commands.executeCommand("vivarium.rename", { machine: machine.id });
    const details = await this.#editor.service.call("machine.show", { machine: machine.id });
    if (details.name === machine.name) return;
    const old = this.#document.uri;
    await vscode.commands.executeCommand(
      "vscode.openWith",
      vscode.Uri.joinPath(vscode.Uri.file(details.folder), "vm.json"),
      "vivarium.settings",
    );
    const tabs = vscode.window.tabGroups.all
      .flatMap(({ tabs }) => tabs)
      .filter(({ input }) => (input as { uri?: vscode.Uri } | undefined)?.uri?.toString() === old.toString());
    await vscode.window.tabGroups.close(tabs);
  }

  #refreshMachine(): void {
    this.#own(this.#askMachine());
  }

  async #askMachine(): Promise<void> {
    const { machines, service } = this.#editor;
    await machines.load();
    const machine = machines.find(this.#name);
    const details = machine && machine.state !== "damaged" ? await service.call("machine.show", { machine: machine.id }) : undefined;
    const isOurs = details !== undefined && (await isSameFolder(details.folder, dirname(this.#document.uri.fsPath)));
    const live = details !== undefined && isOurs && hasProcess(details);
    const running = live ? (await service.call("machine.definition", { machine: details.id })).running : null;
    if (this.#disposed) return;
    this.#machine = isOurs ? details : undefined;
    this.#details = isOurs ? details : undefined;
    this.#running = running ?? undefined;
    this.#show();
  }

  async #askHost(): Promise<void> {
    this.#host = await this.#editor.service.call("host.report", {});
    this.#show();
  }

  /** Edits one after the other: each sees the text that the one before left. */
  #enqueue(work: () => Promise<unknown>): void {
    this.#work = this.#work.then(work).catch((error: unknown) => this.#editor.presentError(error, { machine: this.#name }));
  }

  /** What only adds to the form is logged when it fails: without vivd the form still edits the file. */
  #own(work: Promise<unknown>): void {
    work.catch((error: unknown) => this.#editor.log.warn(`settings of ${this.#name}: ${String(error)}`));
  }
}

function diskFact({ id, virtualBytes, allocatedBytes, problem }: MachineDetails["disks"][number]): DiskFact {
  if (problem !== undefined || virtualBytes === undefined) return { id, facts: problem ?? "" };
  const size = bytesWords(virtualBytes);
  return { id, facts: allocatedBytes === undefined ? size : l10n.t("{0}, {1} used", size, bytesWords(allocatedBytes)) };
}

async function isSameFolder(one: string, other: string): Promise<boolean> {
  const [left, right] = await Promise.all([one, other].map((folder) => realpath(folder).catch(() => folder)));
  return left === right;
}

/** QEMU's own prefix, then 24 random bits. */
function newMac(): string {
  return `52:54:00:${[...randomBytes(3)].map((byte) => byte.toString(16).padStart(2, "0")).join(":")}`;
}
