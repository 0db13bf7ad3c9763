/**
 * Blocks of a pcapng file (IETF draft-ietf-opsawg-pcapng, sections 4.1 to 4.3). Little-endian; times in microseconds, which is
 * the format's default.
 */

const ethernet = 1;
const inbound = 1;
const outbound = 2;

/** What a file begins with: one section, and an interface for each name. */
export function fileHeader(program: string, interfaces: readonly string[]): Buffer {
  const section = Buffer.alloc(16);
  section.writeUInt32LE(0x1a2b3c4d, 0);
  section.writeUInt16LE(1, 4);
  // Length unknown: -1.
  section.fill(0xff, 8, 16);
  const user = option(4, Buffer.from(program));
  return Buffer.concat([block(0x0a0d0d0a, [section, user, endOfOptions]), ...interfaces.map(interfaceBlock)]);
}

export function interfaceBlock(name: string): Buffer {
  const fixed = Buffer.alloc(8);
  fixed.writeUInt16LE(ethernet, 0);
  return block(1, [fixed, option(2, Buffer.from(name)), endOfOptions]);
}

/** One frame. @param sentByMachine it came from the machine, seen from the segment: inbound */
export function packetBlock(interfaceIndex: number, timeMs: number, frame: Uint8Array, sentByMachine: boolean): Buffer {
  const micros = BigInt(Math.round(timeMs * 1000));
  const fixed = Buffer.alloc(20);
  fixed.writeUInt32LE(interfaceIndex, 0);
  fixed.writeUInt32LE(Number(micros >> 32n), 4);
  fixed.writeUInt32LE(Number(micros & 0xffffffffn), 8);
  fixed.writeUInt32LE(frame.length, 12);
  fixed.writeUInt32LE(frame.length, 16);
  const flags = Buffer.alloc(4);
  flags.writeUInt32LE(sentByMachine ? inbound : outbound, 0);
  return block(6, [fixed, padded(frame), option(2, flags), endOfOptions]);
}

const endOfOptions = Buffer.alloc(4);

function option(code: number, value: Buffer): Buffer {
  const head = Buffer.alloc(4);
  head.writeUInt16LE(code, 0);
  head.writeUInt16LE(value.length, 2);
  return Buffer.concat([head, padded(value)]);
}

function padded(bytes: Uint8Array): Uint8Array {
  const rest = bytes.length % 4;
  return rest === 0 ? bytes : Buffer.concat([bytes, Buffer.alloc(4 - rest)]);
}

function block(type: number, parts: readonly Uint8Array[]): Buffer {
  const bytes = 12 + parts.reduce((sum, part) => sum + part.length, 0);
  const head = Buffer.alloc(8);
  head.writeUInt32LE(type, 0);
  head.writeUInt32LE(bytes, 4);
  return Buffer.concat([head, ...parts, head.subarray(4)]);
}
