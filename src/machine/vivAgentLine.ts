import type { Duplex } from "node:stream";
import { vivError } from "../model/index.ts";
import { connectVivAgent, type VivAgent } from "../qemu/index.ts";

/** Device id of viv-agent's port on the command line (qemu/characterDevices.ts). */
export const vivAgentPortId = "viv-agent-port";

/** A guest that holds the port open answers within milliseconds; a busy one may need long. */
const answerWithinMs = 5000;

/**
 * The connection to viv-agent, made when somebody first needs it and kept. Whether the guest has its end open is QEMU's
 * word (VSERPORT_CHANGE), so nobody polls; where no event told (after adoption, after waking), the first request asks it.
 */
export class VivAgentLine {
  readonly #dial: () => Promise<Duplex>;
  readonly #ask: () => Promise<boolean>;
  /** When the guest opened its end of the port, as far as anybody told. */
  openSince: number | undefined;
  /** Undefined: nobody told yet. */
  #open: boolean | undefined;
  #agent: Promise<VivAgent> | undefined;
  #disposed = false;
  readonly #opened = new Set<() => void>();

  /** @param ask QEMU's word on whether the guest has its end of the port open */
  constructor(dial: () => Promise<Duplex>, ask: () => Promise<boolean>) {
    this.#dial = dial;
    this.#ask = ask;
  }

  portChanged(device: string, open: boolean): void {
    if (device !== vivAgentPortId) return;
    // QEMU tells once a second at most, and only the last of what happened: an agent that went and came again within it
    // is told as open twice. It knows nothing of our connection then.
    if (!open || this.#open) this.#hangUp();
    this.#open = open;
    this.openSince = open ? Date.now() : undefined;
    if (open) for (const listener of this.#opened) listener();
  }

  /**
   * Greets an agent whose guest stands still (a fork, before it goes on): the words are in its port when it wakes, and it
   * never finds the port without a host, after which it would sleep for a while. Nobody waits for the answer here.
   */
  greetAhead(): void {
    this.#connect().catch(() => undefined);
  }

  /** Whenever the guest opens its end. */
  onOpened(listener: () => void): () => void {
    this.#opened.add(listener);
    return () => this.#opened.delete(listener);
  }

  /** The agent, or undefined when the guest has none. Never throws. */
  async find(): Promise<VivAgent | undefined> {
    return this.client().catch(() => undefined);
  }

  /** @throws VivError `agent-unavailable`. */
  async client(): Promise<VivAgent> {
    if (this.#disposed) throw vivError("agent-unavailable", "The machine ended.");
    if (this.#open === undefined) {
      this.#open = await this.#ask();
      if (this.#open) this.openSince ??= Date.now();
    }
    if (!this.#open)
      throw vivError(
        "agent-unavailable",
        "No viv-agent answers in the machine.",
        "Put it into a guest other than the starter: viv agent install NAME",
      );
    return this.#connect();
  }

  #connect(): Promise<VivAgent> {
    if (this.#agent) return this.#agent;
    const opening = this.#dial().then((socket) => connectVivAgent(socket, { timeoutMs: answerWithinMs }));
    this.#agent = opening;
    opening.then(
      (agent) => void agent.closed.then(() => this.#forget(opening)),
      () => this.#forget(opening),
    );
    return opening;
  }

  dispose(): void {
    this.#disposed = true;
    this.#opened.clear();
    this.#hangUp();
  }

  #hangUp(): void {
    void this.#agent?.then((agent) => agent.dispose()).catch(() => undefined);
    this.#agent = undefined;
  }

  #forget(agent: Promise<VivAgent>): void {
    if (this.#agent === agent) this.#agent = undefined;
  }
}
