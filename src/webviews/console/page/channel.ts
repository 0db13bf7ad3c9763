/**
 * What noVNC takes in place of a WebSocket. It looks for these properties on the object and its class, no deeper
 * (core/websock.js), so they are fields and methods of this one class.
 */
export class Channel {
  binaryType = "arraybuffer";
  protocol = "";
  readyState: "open" | "closed" = "open";
  onopen: (() => void) | null = null;
  onmessage: ((event: { data: ArrayBuffer }) => void) | null = null;
  onclose: ((event: { code: number; reason: string; wasClean: boolean }) => void) | null = null;
  onerror: ((event: unknown) => void) | null = null;
  readonly #send: (bytes: ArrayBuffer) => void;

  constructor(send: (bytes: ArrayBuffer) => void) {
    this.#send = send;
  }

  /** noVNC reuses its send buffer: what leaves is a copy. */
  send(data: Uint8Array): void {
    if (this.readyState === "open") this.#send(new Uint8Array(data).buffer);
  }

  close(): void {
    this.closed();
  }

  receive(data: ArrayBuffer): void {
    if (this.readyState === "open") this.onmessage?.({ data });
  }

  closed(): void {
    if (this.readyState === "closed") return;
    this.readyState = "closed";
    this.onclose?.({ code: 1000, reason: "", wasClean: true });
  }
}
