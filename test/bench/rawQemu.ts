import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, readFile, rm } from "node:fs/promises";
import { createConnection, type Socket } from "node:net";
import { dirname, join } from "node:path";
import { sleep } from "./samples.ts";

/**
 * The floor: the same command line spawned by hand, a monitor and an agent spoken to with as little code as can be.
 * Nothing of src/ is used here, so that what it costs shows.
 */

export interface Command {
  readonly words: readonly string[];
  readonly workingFolder: string;
}

/** The command a machine was last started with, from its `command.txt`. */
export async function commandOf(machineFolder: string): Promise<Command> {
  const text = await readFile(join(machineFolder, "command.txt"), "utf8");
  const words = text.match(/(?:'[^']*'|\\'|[^\s'\\])+/g) ?? [];
  return { words: words.map((word) => word.replaceAll(/'([^']*)'|\\(')/g, "$1$2")), workingFolder: machineFolder };
}

/** The path of a socket of the command line, by its chardev's id. */
export function socketOf(command: Command, id: string): string {
  const path = command.words
    .map((word) => new RegExp(`^socket,id=${id},path=([^,]+)`).exec(word)?.[1])
    .find((found) => found !== undefined);
  if (path === undefined) throw new Error(`command.txt has no socket ${id}.`);
  return path;
}

interface Message {
  readonly QMP?: unknown;
  readonly event?: string;
  readonly data?: Record<string, unknown>;
  readonly return?: unknown;
  readonly error?: { desc: string };
}

/** JSON lines on a socket; answers come in the order of the requests. */
class Lines {
  readonly #socket: Socket;
  readonly #waiting: { resolve(message: Message): void; reject(error: Error): void }[] = [];
  readonly #events: ((message: Message) => void)[] = [];
  #rest = "";

  constructor(socket: Socket) {
    this.#socket = socket;
    socket.on("error", () => socket.destroy());
    socket.on("close", () => {
      for (const { reject } of this.#waiting.splice(0)) reject(new Error("The connection ended."));
    });
    socket.on("data", (data: Buffer) => {
      const lines = (this.#rest + data.toString("latin1")).split("\n");
      this.#rest = lines.pop() ?? "";
      for (const line of lines) if (line.trim() !== "") this.#receive(JSON.parse(line) as Message);
    });
  }

  next(): Promise<Message> {
    if (this.#socket.destroyed) return Promise.reject(new Error("The connection ended."));
    return new Promise((resolve, reject) => this.#waiting.push({ resolve, reject }));
  }

  onEvent(listener: (message: Message) => void): void {
    this.#events.push(listener);
  }

  async ask(request: string): Promise<unknown> {
    this.#socket.write(Buffer.from(request, "latin1"));
    const answer = await this.next();
    if (answer.error) throw new Error(`${request.trim()}: ${answer.error.desc}`);
    return answer.return;
  }

  close(): void {
    this.#socket.destroy();
  }

  #receive(message: Message): void {
    if (message.event === undefined) this.#waiting.shift()?.resolve(message);
    else for (const listener of this.#events) listener(message);
  }
}

export class RawMachine {
  /** Since the spawn, in milliseconds: QEMU's greeting was here; QEMU answered its first command. */
  readonly greetingMs: number;
  readonly servingMs: number;
  readonly #child: ChildProcess;
  readonly #monitor: Lines;
  readonly #agentSocket: string;
  readonly #agentOpened: Promise<void>;
  #agent: Lines | undefined;

  private constructor(child: ChildProcess, monitor: Lines, agentSocket: string, greetingMs: number, servingMs: number) {
    this.#child = child;
    this.#monitor = monitor;
    this.#agentSocket = agentSocket;
    this.greetingMs = greetingMs;
    this.servingMs = servingMs;
    this.#agentOpened = new Promise((resolve) => {
      monitor.onEvent(({ event, data }) => {
        if (event === "VSERPORT_CHANGE" && data?.["id"] === "agent-port" && data["open"] === true) resolve();
      });
    });
  }

  /** Spawns and connects; the guest's processors are still held (`-S`). */
  static async start(command: Command): Promise<RawMachine> {
    const control = socketOf(command, "control");
    await rm(dirname(control), { recursive: true, force: true });
    await mkdir(dirname(control), { recursive: true, mode: 0o700 });
    const started = performance.now();
    const child = spawn(command.words[0] ?? "", command.words.slice(1), {
      cwd: command.workingFolder,
      stdio: ["ignore", "ignore", "pipe"],
    });
    let said = "";
    child.stderr.on("data", (data: Buffer) => {
      said += data.toString();
    });
    try {
      const monitor = new Lines(await dialled(control, child));
      await monitor.next();
      const greetingMs = performance.now() - started;
      await monitor.ask('{"execute":"qmp_capabilities"}\n');
      return new RawMachine(child, monitor, socketOf(command, "agent"), greetingMs, performance.now() - started);
    } catch (error) {
      child.kill("SIGKILL");
      throw new Error(`The raw QEMU did not come up: ${said}`, { cause: error });
    }
  }

  async continue(): Promise<void> {
    await this.#monitor.ask('{"execute":"cont"}\n');
  }

  /** Loads the devices' state of a template into a QEMU that maps its memory; the guest stands still. */
  async load(file: string): Promise<void> {
    const completed = new Promise<void>((resolve) => {
      this.#monitor.onEvent(({ event, data }) => {
        if (event === "MIGRATION" && data?.["status"] === "completed") resolve();
      });
    });
    const capabilities = [
      { capability: "events", state: true },
      { capability: "x-ignore-shared", state: true },
    ];
    await this.#monitor.ask(`${JSON.stringify({ execute: "migrate-set-capabilities", arguments: { capabilities } })}\n`);
    await this.#monitor.ask(`${JSON.stringify({ execute: "migrate-incoming", arguments: { uri: `file:${file}` } })}\n`);
    await completed;
  }

  /** A connection to another of its sockets. */
  dial(path: string): Promise<Socket> {
    return dialled(path, this.#child);
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** Waits until the guest's agent has opened its port, then meets it. */
  async agentReady(): Promise<void> {
    await this.#agentOpened;
    this.#agent = new Lines(await dialled(this.#agentSocket, this.#child));
    await this.#agent.ask('{"execute":"guest-sync","arguments":{"id":4711}}\n');
  }

  /** `true` in the guest, asked about every 2 ms: the floor of docs/traps.md §5. */
  async execTrue(): Promise<void> {
    const agent = this.#agent;
    if (!agent) throw new Error("The agent is not connected.");
    const { pid } = (await agent.ask('{"execute":"guest-exec","arguments":{"path":"true","capture-output":true}}\n')) as { pid: number };
    for (;;) {
      await sleep(2);
      const { exited } = (await agent.ask(`{"execute":"guest-exec-status","arguments":{"pid":${pid}}}\n`)) as { exited: boolean };
      if (exited) return;
    }
  }

  async end(): Promise<void> {
    const gone = this.#child.exitCode === null && this.#child.signalCode === null ? once(this.#child, "exit") : undefined;
    this.#agent?.close();
    this.#monitor.close();
    this.#child.kill("SIGKILL");
    await gone;
  }
}

async function dialled(path: string, child: ChildProcess): Promise<Socket> {
  for (;;) {
    const socket = await dial(path);
    if (socket) return socket;
    if (child.exitCode !== null || child.signalCode !== null) throw new Error("QEMU ended at once: see command.txt.");
    await sleep(1);
  }
}

function dial(path: string): Promise<Socket | undefined> {
  return new Promise((resolve) => {
    const socket = createConnection(path);
    socket.once("connect", () => resolve(socket));
    socket.once("error", () => resolve(undefined));
  });
}
