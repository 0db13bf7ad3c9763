import type { Impairment } from "../model/index.ts";
import { TokenBucket } from "./tokenBucket.ts";

/** What waits for its time, at most: a long fat link of 100 Mbit/s and 160 ms. */
const maximumWaitingBytes = 2 * 1024 * 1024;

interface Waiting {
  readonly frame: Buffer;
  readonly dueMs: number;
}

/** One direction of a link that is bad on purpose: loss, then the rate, then delay. Frames keep their order. */
export class Conditioner {
  readonly #impairment: Impairment;
  readonly #send: (frame: Buffer) => void;
  readonly #random: () => number;
  readonly #bucket: TokenBucket | undefined;
  readonly #waiting: Waiting[] = [];
  #waitingBytes = 0;
  #lastDueMs = 0;
  #timer: NodeJS.Timeout | undefined;
  #lost = 0;

  /** @param seed the same one loses the same frames */
  constructor(impairment: Impairment, seed: number, send: (frame: Buffer) => void) {
    this.#impairment = impairment;
    this.#send = send;
    this.#random = randomFrom(seed);
    const { bytesPerSecond } = impairment;
    // A burst of 20 ms, at least two full frames, or nothing would pass at all.
    if (bytesPerSecond !== undefined)
      this.#bucket = new TokenBucket(bytesPerSecond, Math.max(3100, bytesPerSecond / 50), performance.now());
  }

  /** Frames that were lost, by chance or because too many waited. */
  get lost(): number {
    return this.#lost;
  }

  /** The frame, header included, comes out by `send` at its time, or never. */
  take(buffer: Buffer, start: number, end: number): void {
    const { lossPercent = 0, delayMs = 0, jitterMs = 0 } = this.#impairment;
    const bytes = end - start;
    if (this.#random() * 100 < lossPercent || this.#waitingBytes + bytes > maximumWaitingBytes) {
      this.#lost += 1;
      return;
    }
    const now = performance.now();
    const dueMs = Math.max(this.#lastDueMs, now + delayMs + (jitterMs > 0 ? this.#random() * jitterMs : 0));
    this.#lastDueMs = dueMs;
    if (this.#waiting.length === 0 && dueMs <= now && this.#bucket?.take(bytes, now) !== false) {
      this.#send(buffer.subarray(start, end));
      return;
    }
    this.#waiting.push({ frame: Buffer.from(buffer.subarray(start, end)), dueMs });
    this.#waitingBytes += bytes;
    if (this.#waiting.length === 1) this.#wait(now);
  }

  dispose(): void {
    clearTimeout(this.#timer);
    this.#waiting.length = 0;
    this.#waitingBytes = 0;
  }

  #release(): void {
    this.#timer = undefined;
    const now = performance.now();
    for (let head = this.#waiting[0]; head !== undefined && head.dueMs <= now; head = this.#waiting[0]) {
      if (this.#bucket?.take(head.frame.length, now) === false) break;
      this.#waiting.shift();
      this.#waitingBytes -= head.frame.length;
      this.#send(head.frame);
    }
    this.#wait(now);
  }

  /** Until the first one is due; where the rate holds it back, a moment. */
  #wait(now: number): void {
    const head = this.#waiting[0];
    if (head === undefined || this.#timer !== undefined) return;
    this.#timer = setTimeout(() => this.#release(), Math.max(head.dueMs - now, this.#bucket === undefined ? 0 : 1));
  }
}

/** mulberry32: small, and the same everywhere. @returns numbers in [0, 1) */
export function randomFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}
