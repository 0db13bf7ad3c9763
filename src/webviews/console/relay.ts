import { createConnection, type Socket } from "node:net";

export interface RelayEvents {
  onOpen(): void;
  /** The buffer is its own: nothing else lies in it. */
  onData(bytes: ArrayBuffer): void;
  onClose(reason: string): void;
}

/** Bytes on their way to the page that it has not drawn; above, the socket waits, and QEMU sends fewer frames. */
export const highWaterBytes = 1024 * 1024;
const lowWaterBytes = highWaterBytes / 2;

/** A machine's VNC socket as messages, with flow control. */
export class Relay {
  readonly #socket: Socket;
  readonly #events: RelayEvents;
  #unacknowledgedBytes = 0;
  #waiting: Buffer[] = [];
  #flush: NodeJS.Immediate | undefined;
  #closed = false;

  constructor(path: string, events: RelayEvents) {
    this.#events = events;
    this.#socket = createConnection(path);
    this.#socket.setNoDelay(true);
    this.#socket.once("connect", () => {
      if (!this.#closed) events.onOpen();
    });
    this.#socket.on("data", (data: Buffer) => this.#take(data));
    this.#socket.on("error", (error) => this.#end(error.message));
    this.#socket.once("close", () => this.#end("closed"));
  }

  get unacknowledgedBytes(): number {
    return this.#unacknowledgedBytes;
  }

  get isPaused(): boolean {
    return this.#socket.isPaused();
  }

  send(bytes: ArrayBuffer): void {
    if (!this.#closed) this.#socket.write(new Uint8Array(bytes));
  }

  acknowledge(bytes: number): void {
    this.#unacknowledgedBytes = Math.max(0, this.#unacknowledgedBytes - bytes);
    if (this.#unacknowledgedBytes <= lowWaterBytes && this.#socket.isPaused()) this.#socket.resume();
  }

  dispose(): void {
    this.#closed = true;
    clearImmediate(this.#flush);
    this.#socket.destroy();
  }

  /** What arrives in one turn of the event loop leaves as one message. */
  #take(data: Buffer): void {
    this.#waiting.push(data);
    this.#unacknowledgedBytes += data.byteLength;
    if (this.#unacknowledgedBytes > highWaterBytes) this.#socket.pause();
    this.#flush ??= setImmediate(() => this.#deliver());
  }

  #deliver(): void {
    this.#flush = undefined;
    const waiting = this.#waiting;
    this.#waiting = [];
    if (!this.#closed && waiting.length > 0) this.#events.onData(ownBuffer(waiting));
  }

  #end(reason: string): void {
    if (this.#closed) return;
    this.#deliver();
    this.dispose();
    this.#events.onClose(reason);
  }
}

/** A Buffer may be a slice of Node's pool: what is posted must hold these bytes and no others. */
function ownBuffer(parts: readonly Buffer[]): ArrayBuffer {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.byteLength, 0));
  let offset = 0;
  for (const part of parts) {
    whole.set(part, offset);
    offset += part.byteLength;
  }
  return whole.buffer;
}
