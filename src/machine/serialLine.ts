import type { Duplex } from "node:stream";

export interface SerialAttachment {
  write(data: Uint8Array): void;
  close(): void;
}

/**
 * The serial console. QEMU's socket takes one client, so this is it, and every terminal attaches here. Always read,
 * so that a guest never waits for us; what was said before is in the log that QEMU itself writes.
 */
export class SerialLine {
  readonly #listeners = new Set<(data: Buffer) => void>();
  readonly #ends = new Set<(reason: string) => void>();
  #socket: Duplex | undefined;
  #disposed = false;
  readonly #connected: Promise<void>;

  constructor(open: () => Promise<Duplex>) {
    this.#connected = this.#connect(open);
  }

  /** Hears every byte from now on. */
  listen(listener: (data: Buffer) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async attach(onData: (data: Buffer) => void, onEnd: (reason: string) => void): Promise<SerialAttachment> {
    await this.#connected;
    this.#listeners.add(onData);
    this.#ends.add(onEnd);
    return {
      write: (data) => this.#socket?.write(data),
      close: () => {
        this.#listeners.delete(onData);
        this.#ends.delete(onEnd);
      },
    };
  }

  dispose(): void {
    this.#disposed = true;
    this.#socket?.destroy();
    for (const end of this.#ends) end("The machine ended.");
    this.#ends.clear();
    this.#listeners.clear();
  }

  async #connect(open: () => Promise<Duplex>): Promise<void> {
    const socket = await open().catch(() => undefined);
    if (!socket) return;
    if (this.#disposed) {
      socket.destroy();
      return;
    }
    this.#socket = socket;
    socket.on("error", () => socket.destroy());
    socket.on("data", (data: Buffer) => {
      for (const listener of this.#listeners) listener(data);
    });
  }
}
