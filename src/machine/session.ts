import type { Duplex } from "node:stream";
import { asVivError, vivError } from "../model/index.ts";
import { connectQmp, type QmpClient, type QmpEvent } from "../qemu/index.ts";
import { AgentLine } from "./agentLine.ts";
import type { Channels } from "./channels.ts";
import { SerialLine } from "./serialLine.ts";
import { VivAgentLine } from "./vivAgentLine.ts";

/** Between two heartbeats; with the reply's timeout a stopped QEMU is noticed within 5 s. */
const heartbeatEveryMs = 1500;
const heartbeatTimeoutMs = 2500;

export interface SessionListener {
  /** The run state, responsiveness or a device changed. */
  changed(): void;
  event(event: QmpEvent): void;
  /** The control connection is gone: QEMU ended, or dropped us. */
  disconnected(): void;
}

/** The live connections to one QEMU: control monitor, serial console, guest agent. Lives as long as its process. */
export class Session {
  readonly qmp: QmpClient;
  readonly serial: SerialLine;
  readonly agent: AgentLine;
  readonly vivAgent: VivAgentLine;
  /** QEMU's run state (`query-status`), kept by events. */
  runState: string;
  responding = true;
  ioErrorNoSpace = false;
  /** Reason of the last SHUTDOWN event; it says why a process that ends did so. */
  lastShutdown: { guest: boolean; reason: string } | undefined;
  readonly #listener: SessionListener;
  readonly #heartbeat: NodeJS.Timeout;
  readonly #watches: (() => void)[] = [];
  #disposed = false;

  private constructor(qmp: QmpClient, channels: Channels, runState: string, listener: SessionListener) {
    this.qmp = qmp;
    this.serial = new SerialLine(() => channels.open("serial"));
    this.agent = new AgentLine(() => channels.open("agent"));
    this.vivAgent = new VivAgentLine(
      () => channels.open("vivAgent"),
      async () => (await qmp.execute("query-chardev")).some(({ label, "frontend-open": open }) => label === "viv-agent" && open),
    );
    this.runState = runState;
    this.#listener = listener;
    qmp.onEvent((event) => this.#onEvent(event));
    void qmp.closed.then(() => {
      if (!this.#disposed) listener.disconnected();
    });
    this.#heartbeat = setInterval(() => void this.#beat(), heartbeatEveryMs);
    this.#heartbeat.unref();
  }

  /**
   * Connects to a running QEMU's sockets and checks that it is the machine `id`.
   * @throws VivError `qemu-lost` when nobody answers in time or another machine does.
   */
  static async connect(
    channels: Channels,
    id: string,
    listener: SessionListener,
    options: { timeoutMs: number; signal?: AbortSignal; ended?: () => boolean },
  ): Promise<Session> {
    const socket = await dialUntil(channels, options);
    const qmp = await connectQmp(socket, { timeoutMs: options.timeoutMs });
    try {
      const [uuid, status] = await Promise.all([qmp.execute("query-uuid"), qmp.execute("query-status")]);
      if (uuid.UUID !== id) throw vivError("qemu-lost", `Another machine (${uuid.UUID}) answers in its place.`);
      const session = new Session(qmp, channels, status.status, listener);
      session.ioErrorNoSpace = status.status === "io-error" && (await stoppedForSpace(qmp));
      return session;
    } catch (error) {
      qmp.dispose();
      throw error;
    }
  }

  /** Ends the readiness watch of an earlier boot; `dispose` does as well. */
  stopWatching(): void {
    for (const stop of this.#watches.splice(0)) stop();
  }

  onStopWatching(stop: () => void): void {
    this.#watches.push(stop);
  }

  async refreshStatus(): Promise<string> {
    this.#setRunState((await this.qmp.execute("query-status", {}, { timeoutMs: 5000 })).status);
    return this.runState;
  }

  dispose(): void {
    this.#disposed = true;
    clearInterval(this.#heartbeat);
    this.stopWatching();
    this.serial.dispose();
    this.agent.dispose();
    this.vivAgent.dispose();
    this.qmp.dispose();
  }

  async #beat(): Promise<void> {
    let responding = true;
    try {
      this.#setRunState((await this.qmp.execute("query-status", {}, { timeoutMs: heartbeatTimeoutMs })).status);
    } catch {
      responding = false;
    }
    if (this.#disposed || responding === this.responding) return;
    this.responding = responding;
    this.#listener.changed();
  }

  #setRunState(runState: string): void {
    if (runState === this.runState) return;
    this.runState = runState;
    if (runState === "running") this.ioErrorNoSpace = false;
    this.#listener.changed();
  }

  #onEvent(event: QmpEvent): void {
    switch (event.name) {
      case "STOP":
        // The cause (I/O error, panic, watchdog, save) is in the run state alone.
        void this.refreshStatus().catch(() => undefined);
        break;
      case "RESUME":
      case "WAKEUP":
        this.#setRunState("running");
        break;
      case "SUSPEND":
        this.#setRunState("suspended");
        break;
      case "BLOCK_IO_ERROR":
        this.ioErrorNoSpace = event.data.nospace === true;
        break;
      case "SHUTDOWN":
        this.lastShutdown = { guest: event.data.guest === true, reason: String(event.data.reason ?? "unknown reason") };
        break;
      case "VSERPORT_CHANGE":
        if (typeof event.data.open === "boolean") {
          const device = String(event.data.id ?? "");
          this.agent.portChanged(device, event.data.open);
          this.vivAgent.portChanged(device, event.data.open);
        }
        break;
      default:
        break;
    }
    this.#listener.event(event);
  }
}

/** Was it a full disk that a QEMU stopped for, while nobody listened? */
async function stoppedForSpace(qmp: QmpClient): Promise<boolean> {
  return (await qmp.execute("query-block")).some((device) => device["io-status"] === "nospace");
}

/** Dials the monitor that its process is about to open; ends early when the process does. */
async function dialUntil(channels: Channels, options: { timeoutMs: number; signal?: AbortSignal; ended?: () => boolean }): Promise<Duplex> {
  const deadline = Date.now() + options.timeoutMs;
  for (;;) {
    options.signal?.throwIfAborted();
    const stream = await channels.open("control").catch((error: unknown) => asVivError(error));
    if (!(stream instanceof Error)) return stream;
    if (options.ended?.()) throw vivError("qemu-crashed", "QEMU ended before it answered.");
    if (Date.now() > deadline) throw vivError("qemu-lost", `QEMU does not answer: ${stream.message}`);
    await new Promise((wake) => setTimeout(wake, 2));
  }
}
