import * as vscode from "vscode";
import type { MachineSummary, VivStream } from "../api/index.ts";
import { canStart, type Editor, factsOf, hasProcess, plain, stateWord } from "../editor/index.ts";
import { afterTail, Tail } from "./tail.ts";

const { t } = vscode.l10n;

/** Scroll-back that a new terminal takes from the log. */
const replayBytes = 256 * 1024;
/** What can have been said while nobody was attached (vivd was away). */
const catchUpBytes = 1024 * 1024;
const resizeDelayMs = 400;
const retryDelayMs = 300;

/**
 * A machine's serial console as a terminal. Closing it detaches; the guest goes on. A machine that stops and starts, or
 * a service that is restarted, is attached to again, and what was said meanwhile comes from the log.
 */
export class SerialTerminal implements vscode.Pseudoterminal {
  readonly #editor: Editor;
  readonly #machineId: string;
  readonly #output = new vscode.EventEmitter<string>();
  readonly #tail = new Tail();
  #decoder = new TextDecoder();
  #subscriptions: vscode.Disposable[] = [];
  #stream: VivStream | undefined;
  #attaching = false;
  #run: string | undefined;
  #saidWaiting = false;
  #dimensions: vscode.TerminalDimensions | undefined;
  #resize: NodeJS.Timeout | undefined;
  #retry: NodeJS.Timeout | undefined;
  #closed = false;

  readonly onDidWrite = this.#output.event;

  constructor(editor: Editor, machine: MachineSummary) {
    this.#editor = editor;
    this.#machineId = machine.id;
  }

  open(dimensions: vscode.TerminalDimensions | undefined): void {
    this.#dimensions = dimensions;
    this.#subscriptions = [
      this.#editor.machines.onDidChange(({ id }) => {
        if (id === undefined || id === this.#machineId) this.#reconcile();
      }),
      this.#editor.service.onDidConnect(() => this.#reconcile()),
    ];
    this.#reconcile();
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#resize);
    clearTimeout(this.#retry);
    this.#stream?.close();
    this.#stream = undefined;
    for (const subscription of this.#subscriptions) subscription.dispose();
    this.#output.dispose();
  }

  handleInput(data: string): void {
    if (this.#stream) this.#stream.write(Buffer.from(data, "utf8"));
    else if (data === "\r" && this.#machine && canStart(this.#machine)) {
      void vscode.commands.executeCommand("vivarium.start", { machine: this.#machineId });
    }
  }

  setDimensions(dimensions: vscode.TerminalDimensions): void {
    this.#dimensions = dimensions;
    clearTimeout(this.#resize);
    this.#resize = setTimeout(() => void this.#sendSize(), resizeDelayMs);
  }

  /** The machine's id. */
  get machine(): string {
    return this.#machineId;
  }

  get #machine(): MachineSummary | undefined {
    return this.#editor.machines.find(this.#machineId);
  }

  #reconcile(): void {
    const machine = this.#machine;
    if (this.#closed || this.#stream || this.#attaching || !machine) return;
    if (hasProcess(machine)) void this.#attach(machine);
    else if (canStart(machine) && !this.#saidWaiting) {
      this.#saidWaiting = true;
      this.#say(t("{0} is {1}. Press Enter to start it; this terminal attaches by itself.", plain(machine.name), stateWord(machine)));
    }
  }

  async #attach(machine: MachineSummary): Promise<void> {
    this.#attaching = true;
    try {
      const client = await this.#editor.service.client();
      const run = runOf(machine);
      const sameRun = run !== undefined && run === this.#run;
      const stream = await client.openSerial(machine.id, sameRun ? catchUpBytes : replayBytes);
      if (this.#closed) {
        stream.close();
        return;
      }
      this.#listen(stream, sameRun);
      this.#run = run;
      this.#saidWaiting = false;
      this.setDimensions(this.#dimensions ?? { columns: 80, rows: 24 });
    } catch (error) {
      const { code, message } = factsOf(error);
      // A machine that is still starting has no line yet; a service that went away comes back.
      if (code === "wrong-state" || code === "daemon-unavailable") this.#again();
      else this.#say(plain(message, 600));
    } finally {
      this.#attaching = false;
    }
  }

  #again(): void {
    clearTimeout(this.#retry);
    this.#retry = setTimeout(() => this.#reconcile(), retryDelayMs);
  }

  /** What comes while `onData` is called was said before: of that, only what this terminal has not shown is shown. */
  #listen(stream: VivStream, sameRun: boolean): void {
    this.#stream = stream;
    const missed: Buffer[] = [];
    let live = false;
    stream.onData((data) => {
      if (live) this.#show(data);
      else missed.push(data);
    });
    live = true;
    const said = Buffer.concat(missed);
    if (!sameRun) this.#decoder = new TextDecoder();
    this.#show(sameRun ? afterTail(said, this.#tail.bytes) : said);
    stream.onEnd((reason) => {
      if (this.#stream !== stream) return;
      this.#stream = undefined;
      if (!this.#closed) this.#detached(reason);
    });
  }

  #show(data: Uint8Array): void {
    if (data.byteLength === 0) return;
    this.#tail.push(data);
    this.#output.fire(this.#decoder.decode(data, { stream: true }));
  }

  #detached(reason: string): void {
    this.#editor.log.debug(`serial console of ${this.#machineId} detached: ${reason}`);
    this.#reconcile();
  }

  /** A line of ours among the guest's: dim, on a line of its own. */
  #say(text: string): void {
    this.#output.fire(`\r\n\u001b[0;2m[${text}]\u001b[0m\r\n`);
  }

  /** A serial line has no window size: the guest's terminal driver is told by the agent, where one answers. */
  async #sendSize(): Promise<void> {
    const machine = this.#machine;
    const dimensions = this.#dimensions;
    if (this.#closed || !dimensions || machine?.state !== "running") return;
    try {
      const { agent } = await this.#editor.machines.details(machine.id);
      if (!agent.connected) return;
      const command = ["/bin/sh", "-c", sizeScript, "sh", String(dimensions.rows), String(dimensions.columns)];
      await this.#editor.service.call("machine.exec", { machine: machine.id, command, way: "agent", timeoutMs: 5000 });
    } catch (error) {
      this.#editor.log.debug(`size of the serial console of ${machine.name}: ${factsOf(error).message}`);
    }
  }
}

const sizeScript = 'for line in /dev/ttyS0 /dev/ttyAMA0; do [ -c "$line" ] && stty rows "$1" cols "$2" < "$line"; done 2>/dev/null; true';

/** One run of the machine: QEMU's process. */
function runOf({ status }: MachineSummary): string | undefined {
  return "pid" in status && status.pid !== undefined ? `${status.pid}` : undefined;
}
