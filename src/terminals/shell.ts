import * as vscode from "vscode";
import type { ExecSession } from "../api/index.ts";
import { type Editor, factsOf, plain } from "../editor/index.ts";

const { t } = vscode.l10n;

/** The user's own shell where the guest says which, as a login shell. */
const shellCommand = ["/bin/sh", "-c", 'test -x "$SHELL" || SHELL=/bin/sh; exec "$SHELL" -l'];

/**
 * A shell in the guest on a terminal of its own, by viv-agent: no network, no login, any number at once. It ends with
 * the shell; closing the terminal hangs up. With `command` it is that one command of the guest's shell: what it said
 * stays to be read until a key is pressed.
 */
export class ShellTerminal implements vscode.Pseudoterminal {
  readonly #editor: Editor;
  readonly #machine: { readonly id: string; readonly name: string };
  readonly #command: string | undefined;
  readonly #output = new vscode.EventEmitter<string>();
  readonly #ended = new vscode.EventEmitter<number>();
  readonly #decoder = new TextDecoder();
  #session: ExecSession | undefined;
  #dimensions: vscode.TerminalDimensions | undefined;
  #closed = false;
  #over = false;

  readonly onDidWrite = this.#output.event;
  readonly onDidClose = this.#ended.event;

  constructor(editor: Editor, machine: { readonly id: string; readonly name: string }, command?: string) {
    this.#editor = editor;
    this.#machine = machine;
    this.#command = command;
  }

  open(dimensions: vscode.TerminalDimensions | undefined): void {
    this.#dimensions = dimensions;
    void this.#run();
  }

  close(): void {
    this.#closed = true;
    this.#session?.close();
    this.#output.dispose();
    this.#ended.dispose();
  }

  handleInput(data: string): void {
    if (this.#over) this.#end(0);
    else this.#session?.stdin.write(Buffer.from(data, "utf8"));
  }

  setDimensions(dimensions: vscode.TerminalDimensions): void {
    this.#dimensions = dimensions;
    this.#session?.resize(dimensions.rows, dimensions.columns);
  }

  async #run(): Promise<void> {
    const { rows, columns } = this.#dimensions ?? { rows: 24, columns: 80 };
    try {
      const client = await this.#editor.service.client();
      const session = await client.openExec({
        machine: this.#machine.id,
        command: this.#command === undefined ? shellCommand : ["/bin/sh", "-c", this.#command],
        environment: ["TERM=xterm-256color", "COLORTERM=truecolor"],
        terminal: { rows, columns },
      });
      if (!session && this.#command !== undefined) return await this.#runWithoutTerminal(this.#command);
      if (!session) {
        this.#say(t("{0} has no viv-agent; opening SSH instead.", plain(this.#machine.name)));
        await vscode.commands.executeCommand("vivarium.openSsh", { machine: this.#machine.id });
        this.#end(0);
        return;
      }
      await this.#attach(session);
    } catch (error) {
      const { message, hint } = factsOf(error);
      this.#say(plain(hint ? `${message} ${hint}` : message, 600));
      this.#over = true;
    }
  }

  /** By qemu-guest-agent or SSH: nothing can be typed, and what it says comes at its end. */
  async #runWithoutTerminal(command: string): Promise<void> {
    const asked = { machine: this.#machine.id, command: ["/bin/sh", "-c", command] };
    const result = await this.#editor.service.call("machine.exec", asked);
    for (const text of [result.stdoutBase64, result.stderrBase64]) {
      if (!this.#closed) this.#output.fire(Buffer.from(text, "base64").toString("utf8").replace(/\r?\n/g, "\r\n"));
    }
    if (result.truncated) this.#say(t("(the output is cut off)"));
    this.#commandEnded(result.exitCode);
  }

  async #attach(session: ExecSession): Promise<void> {
    this.#session = session;
    if (this.#closed) session.close();
    session.stderr.resume();
    for await (const chunk of session.stdout as AsyncIterable<Buffer>) {
      if (!this.#closed) this.#output.fire(this.#decoder.decode(chunk, { stream: true }));
    }
    const { exitCode, signal } = await session.exit;
    const code = exitCode ?? 128 + (signal ?? 0);
    if (this.#command === undefined) this.#end(code);
    else this.#commandEnded(code);
  }

  #commandEnded(code: number): void {
    this.#say(t("Ended with exit code {0}. Press any key to close.", code));
    this.#over = true;
  }

  #end(code: number): void {
    if (!this.#closed) this.#ended.fire(code);
  }

  /** A line of ours among the guest's: dim, on a line of its own. */
  #say(text: string): void {
    if (!this.#closed) this.#output.fire(`\r\n\u001b[0;2m[${text}]\u001b[0m\r\n`);
  }
}
