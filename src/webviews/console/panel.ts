import * as vscode from "vscode";
import type { MachineSummary } from "../../api/index.ts";
import { type Editor, factsOf, hasProcess, plain } from "../../editor/index.ts";
import { dispatch, type Handlers, webviewFolder } from "../ui/index.ts";
import { SharedClipboard } from "./clipboard.ts";
import { consoleHtml } from "./html.ts";
import type { ConsoleAction, Fit, ToExtension, ToPage } from "./messages.ts";
import { type Facts, overlayOf } from "./overlay.ts";
import { Relay } from "./relay.ts";

export interface ConsoleTarget {
  /** The machine's id. */
  readonly machine: string;
  /** Its name when the console was opened: a machine whose vm.json broke has another id for the time. */
  readonly name: string;
  readonly fit: Fit;
}

const actionCommands: Readonly<Record<ConsoleAction, string>> = {
  start: "vivarium.start",
  resume: "vivarium.resume",
  kill: "vivarium.kill",
  showLogs: "vivarium.showLogs",
  openSettings: "vivarium.editDefinition",
  openSerial: "vivarium.openSerialConsole",
};

/** QEMU's socket is there a moment after its process. */
const retryMs = [50, 100, 200, 400, 800, 1500];

/**
 * One machine's screen in an editor tab. The page draws and listens to keyboard and mouse; this side has the socket.
 * A hidden page is gone (nothing is retained): it connects anew when it is shown, and QEMU sends the whole picture.
 */
export class ConsolePanel implements vscode.Disposable {
  readonly #editor: Editor;
  readonly #panel: vscode.WebviewPanel;
  readonly #target: ConsoleTarget;
  readonly #subscriptions: vscode.Disposable[] = [];
  readonly #clipboard = new SharedClipboard(
    (text) => this.#post({ type: "clipboard", text }),
    () => this.#panel.active && vscode.window.state.focused,
  );
  #relay: Relay | undefined;
  #connection = 0;
  #connected = false;
  #connecting = false;
  #pageReady = false;
  #problem: Facts["problem"];
  #failures = 0;
  #retry: NodeJS.Timeout | undefined;
  #lastStatus = "";
  #disposed = false;

  constructor(editor: Editor, panel: vscode.WebviewPanel, target: ConsoleTarget) {
    this.#editor = editor;
    this.#panel = panel;
    this.#target = target;
    const { extensionUri } = editor.context;
    const icon = (theme: string) => vscode.Uri.joinPath(extensionUri, "media", `console-${theme}.svg`);
    panel.iconPath = { light: icon("light"), dark: icon("dark") };
    panel.webview.options = { enableScripts: true, localResourceRoots: [webviewFolder(extensionUri)] };
    const handlers = this.#handlers();
    this.#subscriptions.push(
      panel.webview.onDidReceiveMessage((message: unknown) => dispatch<ToExtension>(handlers, message)),
      panel.onDidChangeViewState(() => this.#visibilityChanged()),
      panel.onDidDispose(() => this.dispose()),
      editor.machines.onDidChange(({ id }) => {
        if (id === undefined || id === this.#id || id === this.#target.machine) this.#update();
      }),
      editor.service.onDidConnect(() => this.#update()),
    );
    panel.webview.html = consoleHtml(panel.webview, extensionUri, target);
    this.#load();
  }

  get machineId(): string {
    return this.#id;
  }

  reveal(): void {
    this.#panel.reveal();
    this.#post({ type: "focus" });
  }

  dispose(): void {
    if (this.#disposed) return;
    this.#disposed = true;
    this.#disconnect();
    for (const subscription of this.#subscriptions) subscription.dispose();
  }

  get #machine(): MachineSummary | undefined {
    return this.#editor.machines.find(this.#target.machine) ?? this.#editor.machines.find(this.#target.name);
  }

  get #id(): string {
    return this.#machine?.id ?? this.#target.machine;
  }

  #handlers(): Handlers<ToExtension> {
    return {
      ready: () => this.#pageStarted(),
      send: ({ connection, bytes }) => this.#relayOf(connection)?.send(bytes),
      ack: ({ connection, bytes }) => this.#relayOf(connection)?.acknowledge(bytes),
      close: ({ connection, reason }) => {
        if (connection === this.#connection) this.#lost(reason);
      },
      action: ({ action }) => this.#command(actionCommands[action]),
      clipboardWanted: () => this.#share(this.#clipboard.offer()),
      guestClipboard: ({ text }) => this.#share(this.#clipboard.take(text)),
      typeClipboard: () => this.#command("vivarium.typeClipboard"),
      screenshot: () => this.#command("vivarium.screenshot"),
      otherKeys: () => this.#command("vivarium.sendKeys"),
      fillWindow: () => void vscode.commands.executeCommand("workbench.action.toggleZenMode"),
    };
  }

  #share(work: Promise<void>): void {
    work.catch((error: unknown) => this.#editor.log.warn(`clipboard of ${this.#target.name}: ${String(error)}`));
  }

  #command(id: string): void {
    void vscode.commands.executeCommand(id, { machine: this.#id });
  }

  #load(): void {
    this.#editor.machines.load().then(
      () => this.#update(),
      (error: unknown) => {
        this.#problem = factsOf(error);
        this.#update();
      },
    );
  }

  /** A page that starts knows nothing of a connection its predecessor had. */
  #pageStarted(): void {
    this.#disconnect();
    this.#pageReady = true;
    this.#lastStatus = "";
    this.#update();
  }

  #visibilityChanged(): void {
    if (this.#panel.visible) return;
    this.#pageReady = false;
    this.#disconnect();
  }

  /** Brings tab, overlay and connection in line with what is known of the machine. */
  #update(): void {
    if (this.#disposed) return;
    const machine = this.#machine;
    const status = JSON.stringify(machine?.status ?? null);
    if (status !== this.#lastStatus) {
      this.#lastStatus = status;
      this.#problem = machine ? undefined : this.#problem;
      this.#failures = 0;
    }
    const title = vscode.l10n.t("{0} – Console", plain(machine?.name ?? this.#target.name));
    if (this.#panel.title !== title) this.#panel.title = title;
    if (!machine || !hasProcess(machine)) this.#disconnect();
    else if (this.#pageReady && !this.#relay && this.#retry === undefined) void this.#connect(machine);
    this.#show();
  }

  #show(): void {
    const machine = this.#machine;
    const { isListed } = this.#editor.machines;
    const overlay = overlayOf({ machine, listed: isListed, connected: this.#connected, problem: this.#problem });
    this.#post({ type: "state", machine: plain(machine?.name ?? this.#target.name), overlay, live: this.#connected });
  }

  async #connect(machine: MachineSummary): Promise<void> {
    if (this.#connecting) return;
    this.#connecting = true;
    try {
      const { path, clipboard } = await this.#editor.service.call("machine.displaySocket", { machine: machine.id });
      if (!this.#pageReady || this.#disposed) return;
      this.#clipboard.connected(clipboard);
      this.#open(path);
    } catch (error) {
      const { code, message, hint } = factsOf(error);
      this.#editor.log.debug(`console of ${machine.name}: ${message}`);
      if (code === "wrong-state" || code === "host-cannot") this.#problem = { message, hint };
      else this.#tryAgain();
      this.#show();
    } finally {
      this.#connecting = false;
    }
  }

  #open(path: string): void {
    this.#connection += 1;
    const connection = this.#connection;
    const relay = new Relay(path, {
      onOpen: () => {
        this.#connected = true;
        this.#failures = 0;
        this.#post({ type: "open", connection });
        this.#show();
      },
      onData: (bytes) => this.#post({ type: "data", connection, bytes }),
      onClose: (reason) => {
        if (connection === this.#connection) this.#lost(reason);
      },
    });
    this.#relay = relay;
  }

  #relayOf(connection: number): Relay | undefined {
    return connection === this.#connection ? this.#relay : undefined;
  }

  #lost(reason: string): void {
    this.#editor.log.debug(`console of ${this.#target.name}: connection ${this.#connection} ended (${reason})`);
    this.#disconnect();
    this.#tryAgain();
    this.#show();
  }

  #tryAgain(): void {
    if (this.#retry !== undefined || this.#disposed) return;
    const delay = retryMs[Math.min(this.#failures, retryMs.length - 1)];
    this.#failures += 1;
    this.#retry = setTimeout(() => {
      this.#retry = undefined;
      this.#update();
    }, delay);
  }

  #disconnect(): void {
    clearTimeout(this.#retry);
    this.#retry = undefined;
    this.#connected = false;
    const relay = this.#relay;
    if (!relay) return;
    this.#relay = undefined;
    relay.dispose();
    this.#post({ type: "closed", connection: this.#connection });
  }

  #post(message: ToPage): void {
    if (this.#disposed || (!this.#pageReady && message.type !== "focus")) return;
    void this.#panel.webview.postMessage(message);
  }
}
