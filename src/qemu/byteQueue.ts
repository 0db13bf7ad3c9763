/** Bytes as they came, taken in other pieces than they came in; copied only where a piece lies across two. */
export interface ByteQueue {
  readonly bytes: number;
  push(chunk: Buffer): void;
  /** At most `bytes` of it. */
  take(count: number): Buffer;
}

export function byteQueue(): ByteQueue {
  const chunks: Buffer[] = [];
  let bytes = 0;
  const cut = (count: number): Buffer => {
    const first = chunks[0] ?? Buffer.alloc(0);
    if (first.length <= count) {
      chunks.shift();
      return first;
    }
    chunks[0] = first.subarray(count);
    return first.subarray(0, count);
  };
  return {
    get bytes() {
      return bytes;
    },
    push(chunk) {
      if (chunk.length === 0) return;
      chunks.push(chunk);
      bytes += chunk.length;
    },
    take(count) {
      if (count > bytes) throw new RangeError(`${count} bytes were asked for, ${bytes} are there`);
      bytes -= count;
      if (count === 0) return Buffer.alloc(0);
      const first = cut(count);
      if (first.length === count) return first;
      const whole = Buffer.allocUnsafe(count);
      for (let at = 0, piece = first; ; piece = cut(count - at)) {
        at += piece.copy(whole, at);
        if (at === count) return whole;
      }
    },
  };
}
