/** Numbers, texts and times as ECMA-119 writes them. */

export const isoSectorBytes = 2048;

/** ECMA-119 7.3.3: little-endian, then big-endian. */
export function both32(value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeUInt32LE(value, 0);
  bytes.writeUInt32BE(value, 4);
  return bytes;
}

/** ECMA-119 7.2.3. */
export function both16(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt16LE(value, 0);
  bytes.writeUInt16BE(value, 2);
  return bytes;
}

/** ECMA-119 9.1.5: of a directory record and of Rock Ridge, in UTC. */
export function shortTime(time: Date): Buffer {
  return Buffer.from([
    time.getUTCFullYear() - 1900,
    time.getUTCMonth() + 1,
    time.getUTCDate(),
    time.getUTCHours(),
    time.getUTCMinutes(),
    time.getUTCSeconds(),
    0,
  ]);
}

/** ECMA-119 8.4.26.1: of a volume descriptor; absent: not specified. */
export function longTime(time: Date | undefined): Buffer {
  if (!time) return Buffer.concat([Buffer.alloc(16, "0"), Buffer.alloc(1)]);
  const digits = time.toISOString().replace(/\D/g, "").slice(0, 16);
  return Buffer.concat([Buffer.from(digits, "latin1"), Buffer.alloc(1)]);
}

export function sectorsOf(bytes: number): number {
  return Math.ceil(bytes / isoSectorBytes);
}

/** UCS-2 as Joliet has it: big-endian. */
export function ucs2(text: string): Buffer {
  return Buffer.from(text, "utf16le").swap16();
}

export function padded(bytes: Buffer, length: number, fill: Buffer | number = 0): Buffer {
  const result = Buffer.alloc(length, fill as number);
  bytes.copy(result, 0, 0, Math.min(length, bytes.length));
  return result;
}
