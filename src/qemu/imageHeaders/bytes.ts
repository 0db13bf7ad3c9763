import { type GuestContent, type ImageBytes, largestVirtualBytes, refuse } from "./types.ts";

/** No header field may make us read more at once. */
const largestRead = 16 * 1024 ** 2;

/** Exactly `length` bytes. Refused beyond the end of the file, or for more than any table has. */
export async function readExactly(bytes: ImageBytes, offset: number, length: number, what: string): Promise<Buffer> {
  if (length > largestRead) refuse(`claims ${what} of ${length} bytes, more than any image has`);
  if (!Number.isSafeInteger(offset) || offset < 0 || offset + length > bytes.size) refuse(`is cut off: its ${what} lies beyond its end`);
  const data = await bytes.read(offset, length);
  if (data.length < length) refuse(`is cut off: its ${what} lies beyond its end`);
  return data;
}

/** A 64-bit field as a number. @returns Infinity beyond what a number holds: every bound refuses it. */
export function toNumber(value: bigint): number {
  return value <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(value) : Number.POSITIVE_INFINITY;
}

export function requireVirtualSize(virtualBytes: number): number {
  if (virtualBytes > largestVirtualBytes) refuse("claims to hold more than 1 PiB");
  if (virtualBytes <= 0) refuse("holds no disk: its size is 0");
  return virtualBytes;
}

export function isPowerOfTwo(value: number): boolean {
  return value > 0 && Number.isInteger(Math.log2(value));
}

/** Text up to the first zero byte, without control characters. */
export function plainText(data: Buffer, encoding: "latin1" | "utf8" | "utf16le" = "latin1"): string {
  const text = data.toString(encoding);
  const end = text.indexOf("\0");
  return (end < 0 ? text : text.slice(0, end)).replaceAll(/\p{Cc}/gu, "").trim();
}

/**
 * Guest content of an image made of equal blocks: `block` gives a block's bytes from `within` on, or undefined where it
 * is not in this image.
 */
export function blockwise(
  virtualBytes: number,
  blockBytes: number,
  block: (index: number, within: number, length: number) => Promise<Buffer | undefined>,
  below?: GuestContent,
): GuestContent {
  return async (offset, length) => {
    const result = Buffer.alloc(length);
    let at = 0;
    while (at < length && offset + at < virtualBytes) {
      const position = offset + at;
      const index = Math.floor(position / blockBytes);
      const within = position - index * blockBytes;
      const part = Math.min(length - at, blockBytes - within, virtualBytes - position);
      const data = (await block(index, within, part)) ?? (await below?.(position, part));
      data?.copy(result, at, 0, part);
      at += part;
    }
    return result;
  };
}

const crc32cTable = Uint32Array.from({ length: 256 }, (_, index) => {
  let value = index;
  for (let bit = 0; bit < 8; bit += 1) value = value & 1 ? (value >>> 1) ^ 0x82_f6_3b_78 : value >>> 1;
  return value >>> 0;
});

/** CRC-32C (Castagnoli), as VHDX uses it. */
export function crc32c(data: Buffer): number {
  let crc = 0xff_ff_ff_ff;
  for (const byte of data) crc = (crc >>> 8) ^ (crc32cTable[(crc ^ byte) & 0xff] ?? 0);
  return (crc ^ 0xff_ff_ff_ff) >>> 0;
}
