/** Which port each address was last seen at. Bounded: a guest that makes addresses up cannot make it grow. */
export class MacTable<Port> {
  readonly #entries = new Map<number, { port: Port; seenAt: number }>();
  readonly #limit: number;
  readonly #ageMs: number;

  constructor(limit = 4096, ageMs = 300_000) {
    this.#limit = limit;
    this.#ageMs = ageMs;
  }

  get size(): number {
    return this.#entries.size;
  }

  learn(mac: number, port: Port, now: number): void {
    const known = this.#entries.get(mac);
    if (known) {
      known.port = port;
      known.seenAt = now;
      return;
    }
    if (this.#entries.size >= this.#limit) this.#forgetOldest();
    this.#entries.set(mac, { port, seenAt: now });
  }

  find(mac: number, now: number): Port | undefined {
    const entry = this.#entries.get(mac);
    if (entry === undefined) return undefined;
    if (now - entry.seenAt <= this.#ageMs) return entry.port;
    this.#entries.delete(mac);
    return undefined;
  }

  forgetPort(port: Port): void {
    for (const [mac, entry] of this.#entries) if (entry.port === port) this.#entries.delete(mac);
  }

  /** The one learnt first: a map keeps the order, and finding the least recently seen would cost a walk a frame. */
  #forgetOldest(): void {
    const [oldest] = this.#entries.keys();
    if (oldest !== undefined) this.#entries.delete(oldest);
  }
}
