/** QEMU's framing of `-netdev stream`: four bytes of length, most significant first, then the Ethernet frame. */

export const headerBytes = 4;
/** Longer than any Ethernet frame with offloads off; QEMU's own limit is 4 KiB above it (`NET_BUFSIZE`). */
export const maximumFrameBytes = 65_536;

/** A stream whose next length cannot be true: nothing behind it can be found any more. */
export class FramingError extends Error {}

/** `buffer[start - 4, start)` is the frame's header, `[start, end)` the frame. The bytes stay as they are after the call. */
export type FrameSink = (buffer: Buffer, start: number, end: number) => void;

/** Cuts a stream into frames. A frame that lies whole in a chunk is not copied. */
export class FrameReader {
  #frame: Buffer | undefined;
  #filled = 0;
  #length = 0;
  #lengthBytes = 0;

  /** @throws FramingError for a length beyond `maximumFrameBytes`; the stream is lost then. */
  push(chunk: Buffer, sink: FrameSink): void {
    let at = 0;
    while (at < chunk.length) {
      if (this.#frame === undefined) {
        if (this.#lengthBytes === 0 && at + headerBytes <= chunk.length) {
          const start = at + headerBytes;
          const end = start + checked(chunk.readUInt32BE(at));
          if (end <= chunk.length) {
            sink(chunk, start, end);
            at = end;
            continue;
          }
        }
        at = this.#readLength(chunk, at);
      } else {
        const taken = Math.min(this.#frame.length - this.#filled, chunk.length - at);
        chunk.copy(this.#frame, this.#filled, at, at + taken);
        this.#filled += taken;
        at += taken;
      }
      this.#finish(sink);
    }
  }

  /** One byte of a length that is spread over chunks, or the start of a frame that is. */
  #readLength(chunk: Buffer, at: number): number {
    this.#length = ((this.#length << 8) | (chunk[at] ?? 0)) >>> 0;
    this.#lengthBytes += 1;
    if (this.#lengthBytes === headerBytes) {
      this.#frame = Buffer.allocUnsafe(headerBytes + checked(this.#length));
      this.#frame.writeUInt32BE(this.#length, 0);
      this.#filled = headerBytes;
      this.#length = 0;
      this.#lengthBytes = 0;
    }
    return at + 1;
  }

  #finish(sink: FrameSink): void {
    const frame = this.#frame;
    if (frame === undefined || this.#filled < frame.length) return;
    this.#frame = undefined;
    sink(frame, headerBytes, frame.length);
  }
}

function checked(length: number): number {
  if (length > maximumFrameBytes)
    throw new FramingError(`a frame of ${length} bytes was announced; at most ${maximumFrameBytes} are taken`);
  return length;
}
