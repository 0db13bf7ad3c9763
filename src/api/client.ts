import { createConnection, type Socket } from "node:net";
import { CancellationTokenSource, type MessageConnection } from "vscode-jsonrpc/node";
import { vivError } from "../model/index.ts";
import {
  eventNotification,
  fromResponseError,
  newNonce,
  openConnection,
  progress,
  proofMatches,
  proveToken,
  streamData,
  streamEnd,
} from "./connection.ts";
import { type Endpoint, homeFolder, readEndpoint } from "./endpoint.ts";
import { type ProgressReport, type StreamBytes, VivEvent } from "./events.ts";
import { type ExecSession, execSession } from "./execStream.ts";
import { FileChanges } from "./fileMethods.ts";
import { apiVersion, type MethodName, methods, type Params, type Result } from "./methods.ts";
import { type ServiceProgram, startService } from "./service.ts";
import { wholeOf } from "./streamForm.ts";
import { type BuildIdentity, compareBuilds, thisBuild } from "./version.ts";

export interface CallOptions {
  signal?: AbortSignal;
  onProgress?: (report: ProgressReport) => void;
}

/** A two-way byte stream of the service (a serial console). */
export interface VivStream {
  readonly id: number;
  write(data: StreamBytes): void;
  onData(listener: (data: Buffer) => void): void;
  onEnd(listener: (reason: string) => void): void;
  close(): void;
}

/** `file.watch`, open: ends when the folder, the guest or the service goes away. */
export interface FileWatch {
  onChanges(listener: (changes: FileChanges) => void): void;
  onEnd(listener: () => void): void;
  close(): void;
}

/** `guest.watchPorts`, open: ends when the guest or the service goes away. */
export interface PortsWatch {
  onEnd(listener: () => void): void;
  close(): void;
}

/** A connection to vivd. Every failure is a VivError. */
export interface VivClient {
  readonly service: BuildIdentity & { pid: number; apiVersion: number };
  call<M extends MethodName>(method: M, params: Params<M>, options?: CallOptions): Promise<Result<M>>;
  onEvent(listener: (event: VivEvent) => void): () => void;
  openSerial(machine: string, replayBytes?: number): Promise<VivStream>;
  /** A command in the guest with its streams; undefined where the guest has no viv-agent. */
  openExec(params: Params<"machine.openExec">): Promise<ExecSession | undefined>;
  /** What changes in a folder of the guest; undefined where the guest cannot tell. */
  openWatch(params: Params<"file.watch">): Promise<FileWatch | undefined>;
  /** Keeps `machine.portsChanged` coming for a machine; undefined where the guest cannot tell. */
  watchPorts(params: Params<"guest.watchPorts">): Promise<PortsWatch | undefined>;
  /** Resolves when the connection is gone, for whatever reason. */
  readonly closed: Promise<void>;
  dispose(): void;
}

export interface ConnectOptions {
  home?: string;
  /** How to start the service when none listens; absent: fail with `daemon-unavailable`. */
  program?: ServiceProgram;
  /** Replace an older service (only while it runs no operation). Default true. */
  replaceOlder?: boolean;
  startTimeoutMs?: number;
  /** Take a service of another API major as well: `hello`, `daemon.status` and `daemon.stop` never change. */
  anyVersion?: boolean;
}

export async function connect(options: ConnectOptions = {}): Promise<VivClient> {
  const home = homeFolder(options.home);
  const client = (await tryConnect(home)) ?? (await startAndConnect(home, options));
  const older = compareBuilds(thisBuild, client.service) > 0;
  const replace = older && options.replaceOlder !== false && options.program !== undefined;
  const connected = replace ? await replaceService(client, home, options) : client;
  if (connected.service.apiVersion === apiVersion || options.anyVersion) return connected;
  connected.dispose();
  throw vivError(
    "version-conflict",
    `The background service speaks API ${connected.service.apiVersion}, this client ${apiVersion}.`,
    older ? "It is busy: try again when its work is done, or end it (machines run on): viv daemon stop" : "Update this client.",
  );
}

/** Asks an older service to make room. One that is busy stays: it serves us as well (same API major). */
async function replaceService(client: VivClient, home: string, options: ConnectOptions): Promise<VivClient> {
  try {
    await client.call("daemon.stop", { replacement: true });
  } catch {
    return client;
  }
  await client.closed;
  return startAndConnect(home, options);
}

async function startAndConnect(home: string, options: ConnectOptions): Promise<VivClient> {
  if (options.program === undefined) {
    throw vivError("daemon-unavailable", `No background service runs for ${home}.`, "Any viv command that needs it starts it.");
  }
  const attempt = await startService(home, options.program);
  try {
    const deadline = Date.now() + (options.startTimeoutMs ?? 15_000);
    for (;;) {
      const client = await tryConnect(home);
      if (client) return client;
      const failure = attempt.failure();
      // Another terminal's service may have won the race: its endpoint appears a moment later.
      if (failure && !(await otherServiceComes(home))) throw failure;
      if (Date.now() > deadline) throw attempt.timeout();
      await new Promise((wake) => setTimeout(wake, 10));
    }
  } finally {
    attempt.dispose();
  }
}

async function otherServiceComes(home: string): Promise<boolean> {
  for (let tries = 0; tries < 20; tries += 1) {
    const endpoint = await readEndpoint(home);
    if (
      endpoint &&
      (await dial(endpoint).then(
        (socket) => socket.destroy() !== undefined,
        () => false,
      ))
    )
      return true;
    await new Promise((wake) => setTimeout(wake, 25));
  }
  return false;
}

async function tryConnect(home: string): Promise<VivClient | undefined> {
  const endpoint = await readEndpoint(home);
  if (!endpoint) return undefined;
  let socket: Socket;
  try {
    socket = await dial(endpoint);
  } catch {
    return undefined;
  }
  try {
    return await handshake(socket, endpoint);
  } catch (error) {
    socket.destroy();
    const failure = fromResponseError(error);
    // The service was about to exit: behave as if none had been there.
    if (failure.code === "daemon-unavailable") return undefined;
    throw failure;
  }
}

const handshakeMs = 10_000;

function dial(endpoint: Endpoint): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = createConnection(endpoint.address);
    socket.once("connect", () => {
      socket.off("error", reject);
      resolve(socket);
    });
    socket.once("error", reject);
  });
}

/** A service that is stopped or hangs (or something else at its address that says nothing) must not hang its clients. */
async function handshake(socket: Socket, endpoint: Endpoint): Promise<VivClient> {
  let late = false;
  const timer = setTimeout(() => {
    late = true;
    socket.destroy();
  }, handshakeMs);
  try {
    return await shakeHands(socket, endpoint);
  } catch (error) {
    if (!late) throw error;
    throw vivError(
      "not-responding",
      `The background service (process ${endpoint.pid}) does not answer.`,
      `If it stays so, end that process; machines run on and the next command starts a new one.`,
    );
  } finally {
    clearTimeout(timer);
  }
}

async function shakeHands(socket: Socket, endpoint: Endpoint): Promise<VivClient> {
  socket.on("error", () => socket.destroy());
  const form = { binary: false };
  const connection = openConnection(socket, form);
  const closed = new Promise<void>((resolve) => {
    socket.once("close", () => {
      connection.dispose();
      resolve();
    });
  });
  connection.onError(() => socket.destroy());
  const client = new Client(connection, socket, closed);
  connection.listen();
  const nonce = newNonce();
  const hello = await client.call("hello", { apiVersion, ...thisBuild, nonce });
  if (!proofMatches(proveToken(endpoint.token, nonce, "server"), hello.proof)) {
    throw vivError(
      "daemon-unavailable",
      "Something else answers at the service's address: it does not know the token.",
      "Run `viv daemon stop`, or remove run/vivd.json from the home folder.",
    );
  }
  // A service of before knows streams in base64 alone, and no such parameter.
  form.binary = hello.binaryStreams === true;
  const binary = form.binary ? { binaryStreams: true } : {};
  await client.call("authenticate", { proof: proveToken(endpoint.token, hello.nonce, "client"), ...binary });
  client.service = { version: hello.version, build: hello.build, pid: hello.pid, apiVersion: hello.apiVersion };
  return client;
}

class Client implements VivClient {
  service = { version: "", build: "", pid: 0, apiVersion: 0 };
  readonly closed: Promise<void>;
  readonly #connection: MessageConnection;
  readonly #socket: Socket;
  readonly #listeners = new Set<(event: VivEvent) => void>();
  readonly #streams = new Map<number, ClientStream>();
  #nextToken = 1;

  constructor(connection: MessageConnection, socket: Socket, closed: Promise<void>) {
    this.#connection = connection;
    this.#socket = socket;
    this.closed = closed;
    connection.onNotification(eventNotification, (event) => this.#deliver(event));
    connection.onNotification(streamData, ({ stream, data }) => this.#stream(stream).receive(wholeOf(data)));
    connection.onNotification(streamEnd, ({ stream, reason }) => {
      this.#stream(stream).finish(reason);
      this.#streams.delete(stream);
    });
    void closed.then(() => {
      for (const stream of this.#streams.values()) stream.finish("The background service went away.");
    });
  }

  async call<M extends MethodName>(method: M, params: Params<M>, options: CallOptions = {}): Promise<Result<M>> {
    const cancellation = new CancellationTokenSource();
    const abort = () => cancellation.cancel();
    if (options.signal?.aborted) throw vivError("cancelled", "Cancelled.");
    options.signal?.addEventListener("abort", abort, { once: true });
    const token = options.onProgress ? this.#nextToken++ : undefined;
    const listening =
      token === undefined ? undefined : this.#connection.onProgress(progress, token, (report) => options.onProgress?.(report));
    try {
      const message = { ...params, ...(token === undefined ? {} : { progressToken: token }) };
      const answer: unknown = await this.#connection.sendRequest(method, message, cancellation.token);
      return methods[method].result.parse(answer) as Result<M>;
    } catch (error) {
      throw fromResponseError(error);
    } finally {
      options.signal?.removeEventListener("abort", abort);
      listening?.dispose();
      cancellation.dispose();
    }
  }

  onEvent(listener: (event: VivEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async openSerial(machine: string, replayBytes = 0): Promise<VivStream> {
    const { stream, replayBase64 } = await this.call("machine.openSerial", { machine, replayBytes });
    const opened = this.#stream(stream);
    if (replayBase64 !== "") opened.replay(Buffer.from(replayBase64, "base64"));
    return opened;
  }

  async openExec(params: Params<"machine.openExec">): Promise<ExecSession | undefined> {
    const { stream } = await this.call("machine.openExec", params);
    return stream === null ? undefined : execSession(this.#stream(stream));
  }

  async openWatch(params: Params<"file.watch">): Promise<FileWatch | undefined> {
    const { stream } = await this.call("file.watch", params);
    if (stream === null) return undefined;
    const opened = this.#stream(stream);
    return {
      onChanges: (listener) => opened.onData((data) => listener(FileChanges.parse(JSON.parse(data.toString("utf8"))))),
      onEnd: (listener) => opened.onEnd(() => listener()),
      close: () => opened.close(),
    };
  }

  async watchPorts(params: Params<"guest.watchPorts">): Promise<PortsWatch | undefined> {
    const { stream } = await this.call("guest.watchPorts", params);
    if (stream === null) return undefined;
    const opened = this.#stream(stream);
    return { onEnd: (listener) => opened.onEnd(() => listener()), close: () => opened.close() };
  }

  dispose(): void {
    this.#socket.end();
    this.#socket.destroySoon();
  }

  #deliver(event: unknown): void {
    // An event of a newer service that this client does not know is not an error.
    const known = VivEvent.safeParse(event);
    if (known.success) for (const listener of this.#listeners) listener(known.data);
  }

  /** Data may arrive before the answer that names the stream: the stream is made by whoever comes first. */
  #stream(id: number): ClientStream {
    const existing = this.#streams.get(id);
    if (existing) return existing;
    const stream = new ClientStream(id, this.#connection);
    this.#streams.set(id, stream);
    return stream;
  }
}

class ClientStream implements VivStream {
  readonly id: number;
  readonly #connection: MessageConnection;
  readonly #waiting: Buffer[] = [];
  #onData: ((data: Buffer) => void) | undefined;
  #onEnd: ((reason: string) => void) | undefined;
  #ended: string | undefined;

  constructor(id: number, connection: MessageConnection) {
    this.id = id;
    this.#connection = connection;
  }

  write(data: StreamBytes): void {
    if (this.#ended !== undefined) return;
    void this.#connection.sendNotification(streamData, { stream: this.id, data });
  }

  onData(listener: (data: Buffer) => void): void {
    this.#onData = listener;
    for (const data of this.#waiting.splice(0)) listener(data);
  }

  onEnd(listener: (reason: string) => void): void {
    this.#onEnd = listener;
    if (this.#ended !== undefined) listener(this.#ended);
  }

  close(): void {
    if (this.#ended !== undefined) return;
    void this.#connection.sendNotification(streamEnd, { stream: this.id, reason: "closed by the client" });
    this.finish("closed");
  }

  /** What was said before the stream opened comes first. */
  replay(data: Buffer): void {
    this.#waiting.unshift(data);
  }

  receive(data: Buffer): void {
    if (this.#onData) this.#onData(data);
    else this.#waiting.push(data);
  }

  finish(reason: string): void {
    if (this.#ended !== undefined) return;
    this.#ended = reason;
    this.#onEnd?.(reason);
  }
}
