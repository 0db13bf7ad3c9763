import { createConnection, type Socket } from "node:net";
import { highWaterBytes } from "./messages.ts";

export interface RelayEvents {
  onOpen(): void;
  /** The buffer is its own: nothing else lies in it. */
  onData(bytes: ArrayBuffer): void;
  onClose(reason: string): void;
}

const lowWaterBytes = highWaterBytes / 2;

/**
 * While less than this is undrawn, QEMU is asked for the next picture as soon as one begins to arrive. noVNC asks only
 * when it has drawn one, and the way to the page and back takes longer than QEMU's 30 ms between two looks at the screen:
 * a request that comes late not only misses one look, QEMU then looks 50 ms less often (vnc_refresh in its ui/vnc.c).
 */
export const aheadBytes = 256 * 1024;

/** noVNC sends a longer message in parts of 10 KiB: nothing may come between them. */
const partBytes = 8 * 1024;

/** A machine's VNC socket as messages, with flow control. */
export class Relay {
  readonly #socket: Socket;
  readonly #events: RelayEvents;
  #unacknowledgedBytes = 0;
  #waiting: Buffer[] = [];
  #flush: NodeJS.Immediate | undefined;
  #closed = false;
  /** The page's last request for what has changed; absent while it is in the middle of a long message. */
  #request: Uint8Array | undefined;

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
    if (this.#closed) return;
    const message = new Uint8Array(bytes);
    if (isUpdateRequest(message)) this.#request = message;
    else if (message.byteLength >= partBytes) this.#request = undefined;
    this.#socket.write(message);
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
    if (this.#request && this.#unacknowledgedBytes <= aheadBytes) this.#socket.write(this.#request);
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

/** RFC 6143 §7.5.3, incremental. To QEMU a second one is the same as the first: it remembers that there is one. */
function isUpdateRequest(message: Uint8Array): boolean {
  return message.byteLength === 10 && message[0] === 3 && message[1] === 1;
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
