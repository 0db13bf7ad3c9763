import * as vscode from "vscode";
import type { CallOptions, MethodName, Params, Result, ServiceProgram, VivClient, VivEvent } from "../api/index.ts";
import { Backoff } from "./backoff.ts";

/**
 * `idle`: nobody has asked for the service yet, or a person stopped it. `lost`: it went away; we try again.
 * `failed`: it cannot be started; `problem` says why.
 */
export type ServiceStatus = "idle" | "connecting" | "connected" | "lost" | "failed";

export interface ServiceOptions {
  program(): ServiceProgram;
  home(): string | undefined;
  log: Pick<vscode.LogOutputChannel, "info" | "warn" | "debug">;
}

/** What vivd says when a person ended it: it is then not started again behind their back. */
const stoppedByPerson = "asked to stop";

/** Changes that say what shall be, not what shall happen: asked for twice they come to the same. */
const repeatableChanges: ReadonlySet<MethodName> = new Set<MethodName>([
  "host.report",
  "machine.start",
  "machine.stop",
  "machine.kill",
  "machine.pause",
  "machine.resume",
  "machine.set",
  "machine.replaceDefinition",
  "machine.wait",
  "machine.readFile",
]);

/** A service that says it goes away closes its connections within this time. */
const noticeMs = 1000;

/**
 * The window's one connection to vivd. It is made by the first view or command that needs it, and made again when it
 * breaks: machines do not notice, and neither should people.
 */
export class Service implements vscode.Disposable {
  readonly #options: ServiceOptions;
  readonly #events = new vscode.EventEmitter<VivEvent>();
  readonly #connected = new vscode.EventEmitter<VivClient>();
  readonly #statusChanged = new vscode.EventEmitter<ServiceStatus>();
  readonly #backoff = new Backoff(() => this.#retry());
  #client: VivClient | undefined;
  #attempt: { starts: boolean; client: Promise<VivClient> } | undefined;
  #status: ServiceStatus = "idle";
  #problem: Error | undefined;
  #mayStart = true;
  #disposed = false;

  readonly onEvent = this.#events.event;
  readonly onDidConnect = this.#connected.event;
  readonly onDidChangeStatus = this.#statusChanged.event;

  constructor(options: ServiceOptions) {
    this.#options = options;
  }

  get status(): ServiceStatus {
    return this.#status;
  }

  /** Why it `failed`, or the last attempt while it is `lost`. */
  get problem(): Error | undefined {
    return this.#problem;
  }

  /** The connection; starts the service when none runs. */
  async client(): Promise<VivClient> {
    if (this.#client) return this.#client;
    this.#mayStart = true;
    if (this.#attempt && !this.#attempt.starts) await this.#attempt.client.catch(() => undefined);
    return this.#client ?? this.#open(true);
  }

  /** One request. What may be done twice is asked once more when the service went away under it. */
  async call<M extends MethodName>(method: M, params: Params<M>, options?: CallOptions): Promise<Result<M>> {
    const client = await this.client();
    try {
      return await client.call(method, params, options);
    } catch (error) {
      // A connection that ended before the request was written says so in words of its own.
      const gone = isUnavailable(error) || this.#client !== client;
      if (!gone || options?.signal?.aborted) throw error;
      const { methods } = await import("../api/index.ts");
      if (methods[method].changes && !repeatableChanges.has(method)) throw isUnavailable(error) ? error : await wentAway(error);
      await Promise.race([client.closed, new Promise((late) => setTimeout(late, noticeMs))]);
      return (await this.client()).call(method, params, options);
    }
  }

  /** Ends the service for the whole computer; this window waits for somebody to start it again. */
  async stop(): Promise<void> {
    const client = this.#client;
    if (!client) return;
    await client.call("daemon.stop", {});
    await client.closed;
  }

  dispose(): void {
    this.#disposed = true;
    this.#backoff.dispose();
    this.#client?.dispose();
    this.#events.dispose();
    this.#connected.dispose();
    this.#statusChanged.dispose();
  }

  #open(starts: boolean): Promise<VivClient> {
    if (this.#attempt) return this.#attempt.client;
    this.#backoff.cancel();
    const attempt = { starts, client: this.#connect(starts) };
    this.#attempt = attempt;
    void attempt.client
      .catch(() => undefined)
      .finally(() => {
        if (this.#attempt === attempt) this.#attempt = undefined;
      });
    return attempt.client;
  }

  async #connect(starts: boolean): Promise<VivClient> {
    const again = this.#status === "lost";
    if (!again && starts) this.#setStatus("connecting");
    try {
      const { connect } = await import("../api/index.ts");
      const home = this.#options.home();
      const client = await connect({ ...(home === undefined ? {} : { home }), ...(starts ? { program: this.#options.program() } : {}) });
      if (this.#disposed) {
        client.dispose();
        throw new Error("The window closes.");
      }
      this.#adopt(client);
      return client;
    } catch (error) {
      this.#problem = error instanceof Error ? error : new Error(String(error));
      if (again || !starts) this.#backoff.schedule();
      else this.#setStatus("failed");
      throw error;
    }
  }

  #adopt(client: VivClient): void {
    this.#client = client;
    this.#problem = undefined;
    this.#backoff.reset();
    this.#options.log.info(`connected to vivd ${client.service.version} (build ${client.service.build}), process ${client.service.pid}`);
    client.onEvent((event) => {
      if (event.event === "daemon.stopping") this.#mayStart = event.reason !== stoppedByPerson;
      this.#events.fire(event);
    });
    void client.closed.then(() => this.#lost(client));
    this.#setStatus("connected");
    this.#connected.fire(client);
  }

  #lost(client: VivClient): void {
    if (this.#client !== client) return;
    this.#client = undefined;
    if (this.#disposed) return;
    this.#options.log.warn(`the connection to vivd (process ${client.service.pid}) ended; machines run on`);
    this.#setStatus(this.#mayStart ? "lost" : "idle");
    this.#backoff.schedule();
  }

  /** A service that a person stopped is only waited for; one that died is started again. */
  #retry(): void {
    if (this.#disposed || this.#client) return;
    void this.#open(this.#mayStart).catch((error: unknown) => this.#options.log.debug(`no connection yet: ${String(error)}`));
  }

  #setStatus(status: ServiceStatus): void {
    if (this.#status === status) return;
    this.#status = status;
    this.#statusChanged.fire(status);
  }
}

async function wentAway(cause: unknown): Promise<Error> {
  const { vivError } = await import("../model/index.ts");
  const { l10n } = vscode;
  return vivError("daemon-unavailable", l10n.t("The background service went away."), l10n.t("Machines go on running."), cause);
}

function isUnavailable(error: unknown): boolean {
  return (error as { code?: unknown } | undefined)?.code === "daemon-unavailable";
}
