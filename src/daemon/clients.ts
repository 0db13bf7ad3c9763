import type { Socket } from "node:net";
import type { CancellationToken, MessageConnection } from "vscode-jsonrpc/node";
import {
  apiVersion,
  type CheckedParams,
  eventNotification,
  type MethodName,
  methods,
  newNonce,
  openConnection,
  type ProgressReport,
  progress,
  proofMatches,
  proveToken,
  type StreamBytes,
  streamData,
  streamEnd,
  thisBuild,
  toResponseError,
  type VivEvent,
  wholeOf,
} from "../api/index.ts";
import { vivError } from "../model/index.ts";
import type { Handler, HandlerContext, ServerStream } from "./handler.ts";
import { handlers } from "./handlers.ts";
import type { World } from "./world.ts";

export interface ServiceFacts {
  readonly world: World;
  readonly token: string;
  stop(reason: string): void;
}

/** A client that proved nothing for this long is cut off. */
const authenticationMs = 10_000;

/** Also when it failed: it may have come half the way. */
function changesStorage(name: MethodName): boolean {
  return methods[name].changes && (/^(snapshot|disk|media|share)\./.test(name) || name === "machine.clone" || name === "prune.run");
}

/** A machine that is made, removed or emptied from the trash changes who is built on an image. */
function changesImages(name: MethodName): boolean {
  return /^(image\.(pull|import|remove|verify)|prune\.run|machine\.(create|clone|remove|restoreRemoved|emptyTrash))$/.test(name);
}

/** The clients of the service. */
export class Clients {
  readonly #connections = new Set<ClientConnection>();

  get count(): number {
    return this.#connections.size;
  }

  accept(socket: Socket, facts: ServiceFacts): void {
    const connection = new ClientConnection(socket, facts, this);
    this.#connections.add(connection);
    socket.once("close", () => {
      this.#connections.delete(connection);
      connection.closed();
    });
  }

  broadcast(event: VivEvent): void {
    for (const connection of this.#connections) connection.notify(event);
  }

  /** Ends every connection after what was already said has left. */
  async close(): Promise<void> {
    await Promise.all([...this.#connections].map((connection) => connection.end()));
  }
}

class ClientConnection {
  readonly #socket: Socket;
  readonly #form = { binary: false };
  readonly #rpc: MessageConnection;
  readonly #facts: ServiceFacts;
  readonly #clients: Clients;
  readonly #streams = new Map<number, ServerStream>();
  readonly #running = new Set<AbortController>();
  #nonce = "";
  #trusted = false;
  #nextStream = 1;

  constructor(socket: Socket, facts: ServiceFacts, clients: Clients) {
    this.#socket = socket;
    this.#facts = facts;
    this.#clients = clients;
    socket.on("error", () => socket.destroy());
    this.#rpc = openConnection(socket, this.#form);
    this.#rpc.onError(() => socket.destroy());
    for (const name of Object.keys(methods) as MethodName[]) {
      this.#rpc.onRequest(name, (params: unknown, cancellation: CancellationToken) => this.#answer(name, params, cancellation));
    }
    this.#rpc.onNotification(streamData, ({ stream, data }) => this.#streams.get(stream)?.receive(wholeOf(data)));
    this.#rpc.onNotification(streamEnd, ({ stream }) => this.#endStream(stream));
    this.#rpc.listen();
    const timer = setTimeout(() => {
      if (!this.#trusted) socket.destroy();
    }, authenticationMs);
    timer.unref();
  }

  notify(event: VivEvent): void {
    if (this.#trusted) void this.#rpc.sendNotification(eventNotification, event).catch(() => undefined);
  }

  async end(): Promise<void> {
    await new Promise<void>((resolve) => {
      const timer = setTimeout(() => this.#socket.destroy(), 500);
      this.#socket.once("close", () => {
        clearTimeout(timer);
        resolve();
      });
      this.#socket.end();
    });
  }

  /** What a client asked for and did not wait for is cancelled; streams are let go. */
  closed(): void {
    for (const abort of this.#running) abort.abort();
    for (const id of [...this.#streams.keys()]) this.#endStream(id);
    this.#rpc.dispose();
  }

  async #answer(name: MethodName, raw: unknown, cancellation: CancellationToken): Promise<unknown> {
    const abort = new AbortController();
    const cancelled = cancellation.onCancellationRequested(() => abort.abort());
    if (cancellation.isCancellationRequested) abort.abort();
    this.#running.add(abort);
    const counts = methods[name].long;
    if (counts) this.#facts.world.operations += 1;
    try {
      return await this.#dispatch(name, raw, abort.signal);
    } catch (error) {
      return toResponseError(error);
    } finally {
      if (counts) this.#facts.world.operations -= 1;
      this.#running.delete(abort);
      cancelled.dispose();
    }
  }

  async #dispatch(name: MethodName, raw: unknown, signal: AbortSignal): Promise<unknown> {
    const { progressToken, ...given } = (raw ?? {}) as { progressToken?: unknown };
    const parsed = methods[name].params.safeParse(given);
    if (!parsed.success) {
      const problems = parsed.error.issues.map((issue) => `${issue.path.join(".") || name} ${issue.message}`).join("; ");
      throw vivError("usage", `${name}: ${problems}.`, "See `viv help`.");
    }
    if (name === "hello") return this.#hello(parsed.data as { nonce: string });
    if (name === "authenticate") return this.#authenticate(parsed.data as CheckedParams<"authenticate">);
    if (!this.#trusted) throw vivError("daemon-unavailable", "The connection has not proved the token.");
    const handler = handlers[name] as Handler<MethodName>;
    try {
      return await handler(parsed.data as never, this.#context(signal, progressToken));
    } finally {
      if (changesImages(name)) this.#facts.world.imagesChanged();
      if (changesStorage(name)) this.#facts.world.storageChanged((parsed.data as { machine?: string }).machine);
    }
  }

  #hello({ nonce }: { nonce: string }): unknown {
    this.#nonce = newNonce();
    const proof = proveToken(this.#facts.token, nonce, "server");
    return { apiVersion, ...thisBuild, pid: process.pid, proof, nonce: this.#nonce, binaryStreams: true };
  }

  #authenticate({ proof, binaryStreams }: CheckedParams<"authenticate">): unknown {
    if (this.#nonce === "" || !proofMatches(proveToken(this.#facts.token, this.#nonce, "client"), proof)) {
      // The refusal leaves first.
      setTimeout(() => this.#socket.destroySoon(), 100).unref();
      throw vivError("daemon-unavailable", "The token does not match.", "Restart the client.");
    }
    this.#trusted = true;
    this.#form.binary = binaryStreams;
    return {};
  }

  #context(signal: AbortSignal, token: unknown): HandlerContext {
    const reports = typeof token === "number" || typeof token === "string";
    return {
      world: this.#facts.world,
      clients: this.#clients.count,
      stop: (reason) => this.#facts.stop(reason),
      work: {
        signal,
        progress: (report: ProgressReport) => {
          if (reports) void this.#rpc.sendProgress(progress, token, report).catch(() => undefined);
        },
      },
      openStream: (open) => this.#openStream(open),
    };
  }

  async #openStream(open: Parameters<HandlerContext["openStream"]>[0]): Promise<number> {
    const id = this.#nextStream++;
    const send = (data: StreamBytes) => void this.#rpc.sendNotification(streamData, { stream: id, data }).catch(() => undefined);
    const end = (reason: string) => {
      this.#streams.delete(id);
      void this.#rpc.sendNotification(streamEnd, { stream: id, reason }).catch(() => undefined);
    };
    this.#streams.set(id, await open(send, end));
    return id;
  }

  #endStream(id: number): void {
    this.#streams.get(id)?.close();
    this.#streams.delete(id);
  }
}
