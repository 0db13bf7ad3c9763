import type { Duplex } from "node:stream";
import { type VivError, vivError } from "../../model/index.ts";
import { withDeadline } from "../deadline.ts";
import { deferred } from "../deferred.ts";
import {
  encodeExec,
  encodeHeader,
  encodeSize,
  type Frame,
  type FrameReader,
  type FrameType,
  frameReader,
  frameTypes,
  newMark,
  number32,
  padding,
} from "./frames.ts";
import { outputCreditBytes, StreamProcess, type VivProcess } from "./process.ts";

export interface VivCommand {
  /** Text, or the guest's own bytes. */
  readonly words: readonly (string | Uint8Array)[];
  readonly environment?: readonly string[];
  readonly user?: string;
  readonly folder?: string;
  /** On a terminal of this size; stdout and stderr are one then. */
  readonly terminal?: { readonly rows: number; readonly columns: number };
}

/** A connection to viv-agent: any number of commands at the same time. What comes is the guest's word, and checked. */
export interface VivAgent {
  readonly protocol: number;
  /** The agent's build, as it says. */
  readonly build: string;
  readonly abilities: ReadonlySet<string>;
  run(command: VivCommand): VivProcess;
  /** One of the agent's own commands: `get`, `put`, `list`, `watch`, `ports`, `files`, `connect`, `identity`, `upgrade`. */
  applet(words: readonly (string | Uint8Array)[], user?: string): VivProcess;
  /**
   * A fork's clock, randomness, host name and machine-id (lines as for the applet `identity`) in one message; an agent with
   * the ability `identify` alone. @returns how many of them could not be set. @throws VivError `agent-unavailable`
   */
  identify(lines: string, timeoutMs?: number): Promise<number>;
  /** ms for a round trip. @throws VivError `agent-unavailable`. */
  ping(timeoutMs?: number): Promise<number>;
  /** Resolves when the connection has ended, with why. */
  readonly closed: Promise<VivError>;
  dispose(): void;
}

/** An agent that was in the middle of a former host's frame answers the second mark. */
const markPatienceMs = 300;
const streamLimit = 64;

/**
 * Meets the agent on a fresh connection to its port.
 * @throws VivError `agent-unavailable` when nobody answers within `timeoutMs`, `agent-failed` for what is no agent.
 */
export async function connectVivAgent(stream: Duplex, options: { timeoutMs: number; signal?: AbortSignal }): Promise<VivAgent> {
  const connection = new Connection(stream);
  const late = () =>
    vivError(
      "agent-unavailable",
      "viv-agent does not answer in the guest.",
      "It may still be starting; qemu-guest-agent or SSH serve meanwhile.",
    );
  try {
    await withDeadline(connection.hello, options.timeoutMs, options.signal, late);
    return connection;
  } catch (error) {
    connection.dispose();
    throw error;
  }
}

class Connection implements VivAgent {
  protocol = 0;
  build = "";
  abilities: ReadonlySet<string> = new Set();
  readonly #stream: Duplex;
  readonly #reader: FrameReader;
  readonly #processes = new Map<number, StreamProcess>();
  readonly #pings = new Map<number, (payload: Buffer) => void>();
  readonly #hello = deferred<void>();
  readonly #closed = deferred<VivError>();
  #retry: NodeJS.Timeout | undefined;
  #nextStream = 1;
  #ended = false;

  constructor(stream: Duplex) {
    this.#stream = stream;
    stream.on("data", (chunk: Buffer) => this.#take(chunk));
    stream.on("error", () => this.#end(gone()));
    stream.on("close", () => this.#end(gone()));
    stream.on("end", () => this.#end(gone()));
    const mark = newMark();
    this.#reader = frameReader(mark.nonce);
    stream.write(mark.bytes);
    this.#tryAgain(markPatienceMs);
  }

  /** Every attempt has a nonce of its own and only the last one's answer counts: an agent that was late answers them all. */
  #tryAgain(patienceMs: number): void {
    this.#retry = setTimeout(() => {
      if (this.#reader.inStep || this.#ended) return;
      const mark = newMark();
      this.#reader.expect(mark.nonce);
      this.#stream.write(Buffer.concat([padding, mark.bytes]));
      this.#tryAgain(patienceMs * 2);
    }, patienceMs);
  }

  get hello(): Promise<void> {
    return this.#hello.promise;
  }

  get closed(): Promise<VivError> {
    return this.#closed.promise;
  }

  run(command: VivCommand): VivProcess {
    return this.#start(command, false);
  }

  applet(words: readonly (string | Uint8Array)[], user = ""): VivProcess {
    return this.#start({ words, user }, true);
  }

  async ping(timeoutMs = 5000): Promise<number> {
    const started = performance.now();
    await this.#answered("ping", Buffer.alloc(0), timeoutMs);
    return performance.now() - started;
  }

  async identify(lines: string, timeoutMs = 10_000): Promise<number> {
    const answer = await this.#answered("identify", Buffer.from(lines), timeoutMs);
    return answer.length === 4 ? answer.readUInt32LE(0) : 1;
  }

  /** Sends what the agent answers with one PONG. */
  async #answered(type: "ping" | "identify", payload: Buffer, timeoutMs: number): Promise<Buffer> {
    const id = this.#newStream();
    const answered = deferred<Buffer>();
    this.#pings.set(id, answered.resolve);
    this.#send(type, id, payload);
    try {
      return await withDeadline(answered.promise, timeoutMs, undefined, gone);
    } finally {
      this.#pings.delete(id);
    }
  }

  dispose(): void {
    this.#end(vivError("agent-unavailable", "The connection to the guest's agent was closed."));
  }

  #start(command: VivCommand, applet: boolean): VivProcess {
    const id = this.#newStream();
    const process = new StreamProcess(
      {
        data: (bytes) => this.#send("data", id, bytes),
        window: (bytes) => this.#send("window", id, number32(bytes)),
        signal: (number) => this.#send("signal", id, number32(number)),
        resize: (rows, columns) => this.#send("resize", id, encodeSize(rows, columns)),
        close: () => {
          this.#processes.delete(id);
          this.#send("close", id, Buffer.alloc(0));
        },
      },
      String(command.words[0] ?? ""),
    );
    if (this.#ended) process.fail(gone());
    else if (this.#processes.size >= streamLimit)
      process.fail(vivError("agent-failed", `The guest's agent runs ${streamLimit} commands already.`, "Wait for others to end."));
    else this.#exec(id, process, command, applet);
    return process;
  }

  #exec(id: number, process: StreamProcess, command: VivCommand, applet: boolean): void {
    const payload = encodeExec({
      words: command.words,
      environment: command.environment ?? [],
      user: command.user ?? "",
      folder: command.folder ?? "",
      terminal: command.terminal,
      applet,
      creditBytes: outputCreditBytes,
    });
    if (payload.length > padding.length - 1024) {
      process.fail(
        vivError("usage", "The command line is longer than the guest's agent takes (63 KiB).", "Pass long input on stdin or in a file."),
      );
      return;
    }
    this.#processes.set(id, process);
    this.#send("exec", id, payload);
  }

  #newStream(): number {
    const id = this.#nextStream;
    this.#nextStream = id >= 0x7fffffff ? 1 : id + 1;
    return id;
  }

  #send(type: FrameType, stream: number, payload: Buffer): void {
    if (this.#ended) return;
    // Two pieces, one system call: payloads are not copied.
    this.#stream.cork();
    this.#stream.write(encodeHeader(type, stream, payload.length));
    if (payload.length > 0) this.#stream.write(payload);
    this.#stream.uncork();
  }

  #take(chunk: Buffer): void {
    try {
      for (const frame of this.#reader.take(chunk)) this.#on(frame);
    } catch {
      this.#end(
        vivError(
          "agent-failed",
          "viv-agent in the guest sent something that nobody understands.",
          "Restart the guest's agent, or the guest.",
        ),
      );
    }
  }

  #on(frame: Frame): void {
    const { type, payload } = frame;
    if (type === frameTypes.hello) {
      this.#welcome(payload);
      return;
    }
    if (type === frameTypes.pong) {
      this.#pings.get(frame.stream)?.(Buffer.from(payload));
      return;
    }
    // A stream that was closed here may still have been speaking.
    const process = this.#processes.get(frame.stream);
    if (!process) return;
    switch (type) {
      case frameTypes.started:
        process.hasStarted(payload.readUInt32LE(0));
        break;
      case frameTypes.data:
        process.hasSaid(frame.channel, payload);
        break;
      case frameTypes.window:
        process.hasTaken(payload.readUInt32LE(0));
        break;
      case frameTypes.exit: {
        const [kind, value] = [payload.readUInt32LE(0), payload.readUInt32LE(4)];
        this.#processes.delete(frame.stream);
        process.hasEnded(kind === 1 ? { exitCode: undefined, signal: value } : { exitCode: value, signal: undefined });
        break;
      }
      case frameTypes.error: {
        // Read before it is forgotten: what cannot be read ends the connection, and every command that is known.
        const number = payload.readUInt32LE(0);
        this.#processes.delete(frame.stream);
        process.wasRefused(number, payload.toString("latin1", 4));
        break;
      }
      default:
        break;
    }
  }

  /** Once a connection: what comes again is ignored. */
  #welcome(payload: Buffer): void {
    if (this.protocol !== 0) return;
    this.protocol = payload.readUInt32LE(0);
    const [build, abilities] = payload.toString("utf8", 4, 1024).split("\n");
    this.build = (build ?? "").replaceAll(/[^\x20-\x7e]/g, "?").slice(0, 100);
    this.abilities = new Set((abilities ?? "").split(","));
    this.#hello.resolve();
  }

  #end(error: VivError): void {
    if (this.#ended) return;
    this.#ended = true;
    clearTimeout(this.#retry);
    for (const process of this.#processes.values()) process.fail(error);
    this.#processes.clear();
    this.#hello.reject(error);
    this.#closed.resolve(error);
    this.#stream.destroy();
  }
}

function gone(): VivError {
  return vivError("agent-unavailable", "The connection to the guest's agent ended.", "Wait for the guest: viv wait NAME --for agent");
}
