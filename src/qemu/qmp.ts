import type { Duplex } from "node:stream";
import * as z from "zod";
import { VivError, vivError } from "../model/index.ts";
import { type CommandArguments, type CommandName, type CommandReturn, commands } from "./commands.ts";
import { type Limits, withDeadline } from "./deadline.ts";
import { deferred } from "./deferred.ts";
import { type EventData, type EventName, eventData, type QmpEvent } from "./events.ts";
import { lineReader } from "./lines.ts";

/**
 * A client of QEMU's machine protocol on any stream (docs/interop/qmp-spec): one JSON object a line, answers carry
 * the id of their command, events come in between. Connections are kept long: a client that leaves right after the
 * handshake can make the next one get its answer, so unknown ids are dropped.
 */
export interface QmpClient {
  readonly greeting: QmpGreeting;
  /**
   * Sends a command and waits for its answer.
   *
   * @throws QmpError when QEMU refuses; VivError `not-responding` after `timeoutMs` (default 5000; the command may
   *   still be carried out), `cancelled` by the signal (likewise), `qemu-lost` when the connection ends first.
   */
  execute<N extends CommandName>(name: N, ...rest: ExecuteParameters<N>): Promise<CommandReturn<N>>;
  /** The same ahead of the queue, for commands that QEMU allows it for. Only on a client connected with `outOfBand`. */
  executeOutOfBand<N extends CommandName>(name: N, ...rest: ExecuteParameters<N>): Promise<CommandReturn<N>>;
  on<N extends EventName>(name: N, listener: (data: EventData<N>, event: QmpEvent) => void): QmpDisposable;
  /** Every event, also those we have no schema for. */
  onEvent(listener: (event: QmpEvent) => void): QmpDisposable;
  /** When the connection has ended, and why: undefined after `dispose` or an orderly end. Never rejects. */
  readonly closed: Promise<VivError | undefined>;
  dispose(): void;
}

export interface QmpDisposable {
  dispose(): void;
}

export type ExecuteOptions = Limits;

/** Arguments may be left out where a command takes none. */
export type ExecuteParameters<N extends CommandName> =
  Record<never, never> extends CommandArguments<N>
    ? [args?: CommandArguments<N>, options?: ExecuteOptions]
    : [args: CommandArguments<N>, options?: ExecuteOptions];

export interface QmpOptions extends ExecuteOptions {
  /** Only for the rescue monitor: with it on the main one, QEMU has hung while loading states (docs/traps.md §1). */
  readonly outOfBand?: boolean;
  /** Longest line accepted, bytes. Default 64 MiB. */
  readonly lineLimitBytes?: number;
}

/** QEMU said no. `qmpClass` is `GenericError`, `CommandNotFound`, `DeviceNotActive`, `DeviceNotFound` or `KVMMissingCap`. */
export class QmpError extends VivError {
  readonly command: string;
  readonly qmpClass: string;
  readonly description: string;

  constructor(command: string, qmpClass: string, description: string) {
    super("qmp-error", `QEMU refused ${command}: ${description}`);
    this.command = command;
    this.qmpClass = qmpClass;
    this.description = description;
  }
}

const Version = z.looseObject({ major: z.int(), minor: z.int(), micro: z.int() });
const Greeting = z.looseObject({
  QMP: z.looseObject({ version: z.looseObject({ qemu: Version, package: z.string() }), capabilities: z.array(z.unknown()) }),
});
const Timestamp = z.looseObject({ seconds: z.int(), microseconds: z.int() });
const EventMessage = z.looseObject({ event: z.string(), timestamp: Timestamp, data: z.record(z.string(), z.unknown()).default({}) });
const Refusal = z.looseObject({ error: z.looseObject({ class: z.string(), desc: z.string() }) });
const Message = z.record(z.string(), z.unknown());

export interface QmpGreeting {
  readonly version: { readonly major: number; readonly minor: number; readonly micro: number };
  readonly package: string;
}

const defaultTimeoutMs = 5000;
const defaultLineLimitBytes = 64 * 1024 ** 2;

interface Pending {
  readonly name: string;
  readonly returns: z.ZodType;
  resolve(value: unknown): void;
  reject(error: VivError): void;
}

/**
 * Waits for the greeting and leaves negotiation mode. On failure the stream is destroyed.
 *
 * @param options.timeoutMs for the whole handshake. A second client of a socket gets silence, hence this.
 * @throws VivError `not-responding`, `qemu-lost`, `qmp-error`, `cancelled`
 */
export async function connectQmp(stream: Duplex, options: QmpOptions = {}): Promise<QmpClient> {
  const connection = openConnection(stream, options);
  try {
    const greeting = await withinLimits(connection.greeting, "its greeting", options);
    await connection.send("qmp_capabilities", z.looseObject({}), options.outOfBand ? { enable: ["oob"] } : {}, "execute", options);
    return client(connection, greeting, options.outOfBand === true);
  } catch (thrown) {
    connection.end(undefined);
    throw thrown;
  }
}

function client(connection: Connection, greeting: QmpGreeting, outOfBand: boolean): QmpClient {
  const run = <N extends CommandName>(verb: Verb, name: N, args: unknown, options: ExecuteOptions): Promise<CommandReturn<N>> => {
    const { args: schema, returns } = commands[name];
    return connection.send(name, returns, schema.parse(args ?? {}), verb, options) as Promise<CommandReturn<N>>;
  };
  return {
    greeting,
    execute: async (name, ...[args, options]) => run("execute", name, args, options ?? {}),
    executeOutOfBand: async (name, ...[args, options]) => {
      if (!outOfBand) throw vivError("internal", `${name} was sent out of band on a monitor connected without it.`);
      return run("exec-oob", name, args, options ?? {});
    },
    on: (name, listener) =>
      connection.onEvent((event) => {
        if (event.name !== name) return;
        const data = eventData[name].safeParse(event.data);
        if (data.success) listener(data.data as EventData<typeof name>, event);
      }),
    onEvent: connection.onEvent,
    closed: connection.closed,
    dispose: () => connection.end(undefined),
  };
}

type Verb = "execute" | "exec-oob";

interface Connection {
  readonly greeting: Promise<QmpGreeting>;
  readonly closed: Promise<VivError | undefined>;
  send(name: string, returns: z.ZodType, args: unknown, verb: Verb, options: ExecuteOptions): Promise<unknown>;
  onEvent(listener: (event: QmpEvent) => void): QmpDisposable;
  end(error: VivError | undefined): void;
}

/** The wire: lines in, messages told apart, answers brought to who waits for them. */
function openConnection(stream: Duplex, options: QmpOptions): Connection {
  const pending = new Map<number, Pending>();
  const listeners = new Set<(event: QmpEvent) => void>();
  const greeting = deferred<QmpGreeting>();
  const closed = deferred<VivError | undefined>();
  let nextId = 1;
  let ended = false;

  function end(error: VivError | undefined): void {
    if (ended) return;
    ended = true;
    stream.destroy();
    const waiting = [...pending.values()];
    pending.clear();
    for (const each of waiting) {
      // QEMU may be gone before its answer to `quit` is.
      if (each.name === "quit" && error === undefined) each.resolve({});
      else each.reject(error ?? lost(each.name));
    }
    greeting.reject(error ?? vivError("qemu-lost", "QEMU closed its monitor before greeting."));
    listeners.clear();
    closed.resolve(error);
  }

  function receive(line: Buffer): void {
    const message = parseMessage(line);
    if (message === undefined) end(vivError("qmp-error", `QEMU's monitor sent something that is not QMP: ${excerpt(line)}`));
    else if ("QMP" in message) greet(message);
    else if ("event" in message) announce(message);
    else answer(message);
  }

  function greet(message: Record<string, unknown>): void {
    const parsed = Greeting.safeParse(message);
    if (parsed.success) greeting.resolve({ version: parsed.data.QMP.version.qemu, package: parsed.data.QMP.version.package });
    else end(vivError("qmp-error", "QEMU's greeting has an unexpected form.", undefined, parsed.error));
  }

  function announce(message: Record<string, unknown>): void {
    const parsed = EventMessage.safeParse(message);
    if (!parsed.success) return;
    const { event: name, data, timestamp } = parsed.data;
    const event = { name, data, at: timestamp.seconds * 1000 + timestamp.microseconds / 1000 };
    for (const listener of [...listeners]) tell(listener, event);
  }

  function answer(message: Record<string, unknown>): void {
    // A command which QEMU could not even read is answered without an id.
    const id = message["id"];
    const waiting = typeof id === "number" ? pending.get(id) : undefined;
    if (waiting === undefined || typeof id !== "number") return;
    pending.delete(id);
    const refusal = Refusal.safeParse(message);
    const value = waiting.returns.safeParse(message["return"]);
    if (refusal.success) waiting.reject(new QmpError(waiting.name, refusal.data.error.class, refusal.data.error.desc));
    else if (value.success) waiting.resolve(value.data);
    else waiting.reject(vivError("qmp-error", `QEMU answered ${waiting.name} in an unexpected form.`, undefined, value.error));
  }

  function send(name: string, returns: z.ZodType, args: unknown, verb: Verb, limits: ExecuteOptions): Promise<unknown> {
    if (ended) return Promise.reject(lost(name));
    if (limits.signal?.aborted) return Promise.reject(vivError("cancelled", "Cancelled."));
    const id = nextId;
    nextId += 1;
    const reply = new Promise<unknown>((resolve, reject) => pending.set(id, { name, returns, resolve, reject }));
    stream.write(`${JSON.stringify({ [verb]: name, arguments: args, id })}\n`);
    return withinLimits(reply, name, limits).finally(() => pending.delete(id));
  }

  const reader = lineReader({
    limitBytes: () => options.lineLimitBytes ?? defaultLineLimitBytes,
    onLine: receive,
    onOverflow: () => end(vivError("qmp-error", "QEMU's monitor sent a line longer than Vivarium accepts.")),
  });
  stream.on("data", (chunk: Buffer) => {
    if (!ended) reader.push(chunk);
  });
  stream.on("error", (cause: NodeJS.ErrnoException) => {
    // A process that ends with words of ours unread resets the connection: an end like any other.
    const ordinary = cause.code === "ECONNRESET" || cause.code === "EPIPE";
    end(ordinary ? undefined : vivError("qemu-lost", `The connection to QEMU broke: ${cause.message}`, undefined, cause));
  });
  stream.on("close", () => end(undefined));
  stream.on("end", () => end(undefined));

  return {
    greeting: greeting.promise,
    closed: closed.promise,
    send,
    end,
    onEvent: (listener) => {
      listeners.add(listener);
      return { dispose: () => listeners.delete(listener) };
    },
  };
}

/** A listener's mistake is its own: it surfaces as an uncaught error, and the protocol goes on. */
function tell(listener: (event: QmpEvent) => void, event: QmpEvent): void {
  try {
    listener(event);
  } catch (thrown) {
    queueMicrotask(() => {
      throw thrown;
    });
  }
}

function parseMessage(line: Buffer): Record<string, unknown> | undefined {
  try {
    return Message.safeParse(JSON.parse(line.toString("utf8"))).data;
  } catch {
    return undefined;
  }
}

function excerpt(line: Buffer): string {
  return JSON.stringify(line.subarray(0, 80).toString("utf8"));
}

function lost(name: string): VivError {
  return vivError("qemu-lost", `QEMU went away before it answered ${name}.`);
}

function withinLimits<T>(work: Promise<T>, what: string, { timeoutMs = defaultTimeoutMs, signal }: ExecuteOptions): Promise<T> {
  return withDeadline(work, timeoutMs, signal, () =>
    vivError(
      "not-responding",
      `QEMU did not answer within ${timeoutMs} ms (${what}).`,
      "It may be stopped or overloaded; wait, or kill the machine.",
    ),
  );
}
