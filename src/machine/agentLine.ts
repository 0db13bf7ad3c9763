import type { Duplex } from "node:stream";
import { vivError } from "../model/index.ts";
import { connectAgent, type GuestAgent } from "../qemu/index.ts";

/** Device id of the guest agent's port on the command line (qemu/characterDevices.ts). */
export const agentPortId = "agent-port";

/**
 * The connection to qemu-guest-agent. Whether somebody listens in the guest is QEMU's word (VSERPORT_CHANGE), so
 * nobody polls; the socket takes one client, so all requests of all users go through here.
 */
export class AgentLine {
  /** The guest has opened its end of the port. */
  connected = false;
  readonly #dial: () => Promise<Duplex>;
  #agent: Promise<GuestAgent> | undefined;
  #looking: Promise<boolean> | undefined;
  #disposed = false;
  readonly #opened = new Set<() => void>();

  constructor(dial: () => Promise<Duplex>) {
    this.#dial = dial;
  }

  portChanged(device: string, open: boolean): void {
    if (device !== agentPortId) return;
    this.connected = open;
    if (open) for (const listener of this.#opened) listener();
  }

  onOpened(listener: () => void): () => void {
    this.#opened.add(listener);
    return () => this.#opened.delete(listener);
  }

  /** The agent's client. @throws VivError `agent-unavailable` when nobody listens in the guest. */
  async client(): Promise<GuestAgent> {
    await this.settled();
    if (this.#disposed) throw vivError("agent-unavailable", "The machine ended.");
    if (!this.connected) {
      throw vivError(
        "agent-unavailable",
        "No guest agent answers in the machine.",
        "Wait for it (`viv wait NAME --for agent`), or install qemu-guest-agent in the guest.",
      );
    }
    return this.#open();
  }

  /** Asks once whether an agent listens, where no event told (after adoption). Requests wait for the answer. */
  look(timeoutMs: number): Promise<boolean> {
    const looking = this.#ask(timeoutMs).finally(() => {
      if (this.#looking === looking) this.#looking = undefined;
    });
    this.#looking = looking;
    return looking;
  }

  async #ask(timeoutMs: number): Promise<boolean> {
    try {
      const agent = await this.#open();
      await agent.ping({ timeoutMs });
      this.connected = true;
    } catch {
      this.connected = false;
    }
    return this.connected;
  }

  /** Until a look in progress has told whether an agent listens. */
  async settled(): Promise<void> {
    await this.#looking;
  }

  dispose(): void {
    this.#disposed = true;
    this.#opened.clear();
    void this.#agent?.then((agent) => agent.dispose()).catch(() => undefined);
  }

  #open(): Promise<GuestAgent> {
    if (!this.#agent) {
      const opening = this.#dial().then((socket) => connectAgent(socket));
      this.#agent = opening;
      opening.then(
        (agent) => void agent.closed.then(() => this.#forget(opening)),
        () => this.#forget(opening),
      );
    }
    return this.#agent;
  }

  #forget(agent: Promise<GuestAgent>): void {
    if (this.#agent === agent) this.#agent = undefined;
  }
}
