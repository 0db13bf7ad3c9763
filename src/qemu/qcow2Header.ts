/**
 * The header of a qcow2 image, read by us so that QEMU never probes. Layout: QEMU's docs/interop/qcow2.rst
 * (all numbers big-endian). Pure.
 */
export interface Qcow2Header {
  readonly version: 2 | 3;
  readonly virtualBytes: number;
  readonly clusterBytes: number;
  /** As written in the image: relative to the image's folder, or absolute. */
  readonly backingFile?: string;
  /** The format named beside it; an image without it is refused by `-F` rules and read as qcow2 by us. */
  readonly backingFormat?: string;
  /** The image names data outside itself (incompatible feature bit 2). */
  readonly externalData: boolean;
  /** QEMU saw damage and refuses writes (incompatible feature bit 1). */
  readonly corrupt: boolean;
  readonly encrypted: boolean;
  /** Clusters of 32 subclusters (incompatible feature bit 4). */
  readonly extendedL2: boolean;
  readonly snapshotCount: number;
}

const magic = 0x51_46_49_fb;
const backingFormatExtension = 0xe2_79_2a_ca;
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is refused
const controlCharacter = /[\u0000-\u001f\u007f]/;
const maximumVirtualBytes = 2 ** 50;
/** dirty, corrupt, external data, compression type, extended L2 */
const knownIncompatible = 0b1_1111n;

/** `problem` completes the sentence “FILE …”. `fileBytes` is the whole file's size, to notice a truncated one. */
export function parseQcow2Header(head: Buffer, fileBytes: number): Qcow2Header | { problem: string } {
  if (head.length < 72) return { problem: "is too short to be a qcow2 image" };
  if (head.readUInt32BE(0) !== magic) return { problem: "is not a qcow2 image" };
  const version = head.readUInt32BE(4);
  if (version !== 2 && version !== 3) return { problem: `has qcow2 version ${version}, which nobody knows` };
  if (version === 3 && head.length < 104) return { problem: "is cut off inside its header" };
  const clusterBits = head.readUInt32BE(20);
  if (clusterBits < 9 || clusterBits > 21) return { problem: `has impossible clusters of 2^${clusterBits} bytes` };
  const virtualBytes = head.readBigUInt64BE(24);
  if (virtualBytes > BigInt(maximumVirtualBytes)) return { problem: `claims to hold ${virtualBytes} bytes, more than 1 PiB` };
  const tables = tableProblem(head, BigInt(fileBytes));
  if (tables) return { problem: tables };
  const incompatible = version === 3 ? head.readBigUInt64BE(72) : 0n;
  if ((incompatible & ~knownIncompatible) !== 0n) return { problem: "needs qcow2 features that nobody knows" };
  const backing = backingName(head);
  if (typeof backing === "object") return backing;
  const headerLength = version === 3 ? head.readUInt32BE(100) : 72;
  const backingFormat = extension(head, headerLength, backingFormatExtension);
  return {
    version,
    virtualBytes: Number(virtualBytes),
    clusterBytes: 2 ** clusterBits,
    ...(backing === undefined ? {} : { backingFile: backing }),
    ...(backingFormat === undefined ? {} : { backingFormat }),
    externalData: (incompatible & 0b100n) !== 0n,
    corrupt: (incompatible & 0b10n) !== 0n,
    encrypted: head.readUInt32BE(32) !== 0,
    extendedL2: (incompatible & 0b1_0000n) !== 0n,
    snapshotCount: head.readUInt32BE(60),
  };
}

/** The L1 and refcount tables must lie inside the file: a truncated image fails here. */
function tableProblem(head: Buffer, fileBytes: bigint): string | undefined {
  const l1End = head.readBigUInt64BE(40) + BigInt(head.readUInt32BE(36)) * 8n;
  const refcountEnd = head.readBigUInt64BE(48) + BigInt(head.readUInt32BE(56)) * 2n ** BigInt(head.readUInt32BE(20));
  return l1End > fileBytes || refcountEnd > fileBytes ? "is cut off: its tables lie beyond its end" : undefined;
}

function backingName(head: Buffer): string | undefined | { problem: string } {
  const offset = head.readBigUInt64BE(8);
  const length = head.readUInt32BE(16);
  if (offset === 0n) return undefined;
  if (length === 0 || length > 1023 || offset + BigInt(length) > BigInt(head.length))
    return { problem: "has a backing file name out of bounds" };
  const name = utf8(head.subarray(Number(offset), Number(offset) + length));
  // QEMU takes what is before a colon for a protocol (`json:`, `nbd:`) unless a slash comes first.
  const protocol = name !== undefined && /^[^/\\]*:/.test(name) && !/^[A-Za-z]:[\\/]/.test(name);
  if (name === undefined || protocol || controlCharacter.test(name)) return { problem: "has a backing file that is not a plain file" };
  return name;
}

function extension(head: Buffer, start: number, wanted: number): string | undefined {
  let at = start;
  while (at + 8 <= head.length) {
    const type = head.readUInt32BE(at);
    const length = head.readUInt32BE(at + 4);
    if (type === 0) return undefined;
    if (at + 8 + length > head.length) return undefined;
    if (type === wanted) return utf8(head.subarray(at + 8, at + 8 + length));
    at += 8 + Math.ceil(length / 8) * 8;
  }
  return undefined;
}

/** Undefined for bytes that are no UTF-8: they must not turn into another file's name. */
function utf8(bytes: Buffer): string | undefined {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return undefined;
  }
}
