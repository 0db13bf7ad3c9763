/** The last bytes a terminal has shown: enough to find the place again in a log. */
const tailBytes = 512;

export class Tail {
  #bytes = Buffer.alloc(0);

  get bytes(): Buffer {
    return this.#bytes;
  }

  push(data: Uint8Array): void {
    const kept = data.byteLength >= tailBytes ? Buffer.alloc(0) : this.#bytes;
    this.#bytes = Buffer.concat([kept, data]).subarray(-tailBytes);
  }
}

/** What a log says after the place where its reader stopped; all of it when that place is not in it. */
export function afterTail(log: Buffer, tail: Buffer): Buffer {
  if (tail.byteLength === 0) return log;
  const place = log.lastIndexOf(tail);
  return place < 0 ? log : log.subarray(place + tail.byteLength);
}
