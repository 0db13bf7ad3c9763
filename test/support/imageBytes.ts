import type { ImageBytes } from "../../src/qemu/imageHeaders/index.ts";

/** Bytes in memory as the parsers read them; a read that no file could answer fails the test. */
export function bytesOf(data: Buffer): ImageBytes {
  return {
    size: data.length,
    async read(offset, length) {
      if (!Number.isSafeInteger(offset) || offset < 0 || !Number.isSafeInteger(length) || length < 0 || length > 2 ** 26)
        throw new Error(`a read of ${length} bytes at ${offset}`);
      return Buffer.from(data.subarray(offset, offset + length));
    },
  };
}
