// By its whole name: a Node without zstd (before 22.15) could not even load a named import, and vivd starts on the
// caller's Node before it hands over to the bundle's.
import * as zlib from "node:zlib";
import { parseQcow2Header, type Qcow2Header } from "../qcow2Header.ts";
import { blockwise, plainText, readExactly, requireVirtualSize, toNumber } from "./bytes.ts";
import { type GuestContent, type ImageBytes, type ImageFact, type ImageHeader, type InternalSnapshot, refuse } from "./types.ts";

/** QEMU's own format (big-endian). Source: docs/interop/qcow2.rst; the header itself is read by qcow2Header.ts. */

const offsetMask = 0x00_ff_ff_ff_ff_ff_fe_00n;
const compressedFlag = 1n << 62n;
const zeroFlag = 1n;
const extendedL2Feature = 1n << 4n;
const compressionTypeFeature = 1n << 3n;
const largestSnapshotTable = 4 * 1024 ** 2;
const mostSnapshots = 1000;

export async function parseQcow2(bytes: ImageBytes): Promise<ImageHeader> {
  const head = await bytes.read(0, Math.min(bytes.size, 65_536));
  const header = parseQcow2Header(head, bytes.size);
  if ("problem" in header) refuse(header.problem);
  const virtualBytes = requireVirtualSize(header.virtualBytes);
  const features = header.version === 3 ? head.readBigUInt64BE(72) : 0n;
  const compression = (features & compressionTypeFeature) !== 0n && head.readUInt32BE(100) > 104 ? head.readUInt8(104) : 0;
  if (compression > 1) refuse("is compressed in a way that nobody knows");
  const extended = (features & extendedL2Feature) !== 0n;
  requireL1(head, virtualBytes, header.clusterBytes, extended);
  const refused = reasonAgainst(header);
  return {
    format: "qcow2",
    virtualBytes,
    ...(header.backingFile === undefined
      ? {}
      : { backing: { file: header.backingFile, ...(header.backingFormat === undefined ? {} : { format: header.backingFormat }) } }),
    snapshots: await internalSnapshots(bytes, head, header.snapshotCount),
    facts: factsOf(header, extended, compression),
    ...(refused === undefined ? {} : { refused }),
    ...(header.encrypted || header.externalData
      ? {}
      : {
          content: (below?: GuestContent) =>
            contentOf(bytes, head, { virtualBytes, clusterBytes: header.clusterBytes, extended, zstd: compression === 1 }, below),
        }),
  };
}

/** The reasons a header can have that we understand well, but do not take. */
function reasonAgainst(header: Qcow2Header): string | undefined {
  if (header.externalData) return "keeps its data in another file";
  if (header.backingFile !== undefined) return `is built on another file, ${header.backingFile}`;
  if (header.encrypted) return "is encrypted";
  if (header.corrupt) return "is marked as corrupt";
  return undefined;
}

function factsOf(header: Qcow2Header, extended: boolean, compression: number): ImageFact[] {
  return [
    { name: "version", value: header.version === 3 ? "3" : "2 (before QEMU 1.7)" },
    { name: "cluster", value: `${header.clusterBytes / 1024} KiB${extended ? ", 32 subclusters" : ""}` },
    ...(compression === 1 ? [{ name: "compression", value: "zstd" }] : []),
  ];
}

/** An L1 table that is too short for the disk would send reads beyond its end. */
function requireL1(head: Buffer, virtualBytes: number, clusterBytes: number, extended: boolean): void {
  const reach = clusterBytes * (clusterBytes / (extended ? 16 : 8));
  if (head.readUInt32BE(36) < Math.ceil(virtualBytes / reach)) refuse("has an L1 table that does not fit its size");
}

interface Shape {
  readonly virtualBytes: number;
  readonly clusterBytes: number;
  readonly extended: boolean;
  readonly zstd: boolean;
}

function contentOf(bytes: ImageBytes, head: Buffer, shape: Shape, below?: GuestContent): GuestContent {
  const l1At = toNumber(head.readBigUInt64BE(40));
  const entryBytes = shape.extended ? 16 : 8;
  const entries = shape.clusterBytes / entryBytes;
  // With subclusters each 1/32 of a cluster is mapped for itself.
  const blockBytes = shape.extended ? shape.clusterBytes / 32 : shape.clusterBytes;
  return blockwise(
    shape.virtualBytes,
    blockBytes,
    async (block, within, length) => {
      const cluster = shape.extended ? Math.floor(block / 32) : block;
      const l2At = (await readExactly(bytes, l1At + Math.floor(cluster / entries) * 8, 8, "L1 table")).readBigUInt64BE(0) & offsetMask;
      if (l2At === 0n) return undefined;
      const entry = await readExactly(bytes, toNumber(l2At) + (cluster % entries) * entryBytes, entryBytes, "L2 table");
      const descriptor = entry.readBigUInt64BE(0);
      const start = (shape.extended ? (block % 32) * blockBytes : 0) + within;
      if ((descriptor & compressedFlag) !== 0n) return (await inflatedCluster(bytes, descriptor, shape)).subarray(start, start + length);
      if (shape.extended) {
        const map = entry.readBigUInt64BE(8);
        if ((map & (1n << BigInt(32 + (block % 32)))) !== 0n) return Buffer.alloc(length);
        if ((map & (1n << BigInt(block % 32))) === 0n) return undefined;
      } else if ((descriptor & zeroFlag) !== 0n) return Buffer.alloc(length);
      const at = toNumber(descriptor & offsetMask);
      return at === 0 ? undefined : readToEnd(bytes, at + start, length);
    },
    below,
  );
}

/** The last cluster of a file may be cut short: its rest reads as zeroes. */
async function readToEnd(bytes: ImageBytes, offset: number, length: number): Promise<Buffer> {
  if (offset >= bytes.size) refuse("is cut off: its data lies beyond its end");
  const result = Buffer.alloc(length);
  (await bytes.read(offset, length)).copy(result);
  return result;
}

async function inflatedCluster(bytes: ImageBytes, descriptor: bigint, { clusterBytes, zstd }: Shape): Promise<Buffer> {
  const offsetBits = BigInt(62 - (Math.log2(clusterBytes) - 8));
  const at = toNumber(descriptor & ((1n << offsetBits) - 1n));
  const sectors = Number((descriptor & (compressedFlag - 1n)) >> offsetBits) + 1;
  if (at >= bytes.size) refuse("is cut off: its data lies beyond its end");
  const packed = await bytes.read(at, sectors * 512 - (at % 512));
  const { zstdDecompressSync } = zlib as Partial<Pick<typeof zlib, "zstdDecompressSync">> & typeof zlib;
  if (zstd && zstdDecompressSync === undefined) refuse("is compressed with zstd, which needs Node 22.15 or newer to look inside");
  try {
    const options = { maxOutputLength: clusterBytes };
    return zstd ? zlib.zstdDecompressSync(packed.subarray(0, zstdFrameBytes(packed)), options) : zlib.inflateRawSync(packed, options);
  } catch {
    return refuse("is damaged: a compressed cluster cannot be read");
  }
}

/** The length of the first zstd frame: what follows in the last sector is the next cluster's (RFC 8878, 3.1.1). */
function zstdFrameBytes(packed: Buffer): number {
  const descriptor = packed.readUInt8(4);
  const single = (descriptor & 0x20) !== 0;
  const dictionaryBytes = [0, 1, 2, 4][descriptor & 3] ?? 0;
  const sizeBytes = [single ? 1 : 0, 2, 4, 8][descriptor >> 6] ?? 0;
  let at = 5 + (single ? 0 : 1) + dictionaryBytes + sizeBytes;
  for (let last = false; !last; ) {
    const block = packed.readUIntLE(at, 3);
    last = (block & 1) === 1;
    // A run-length block has one byte, whatever it stands for.
    at += 3 + ((block & 6) === 2 ? 1 : block >> 3);
  }
  return at + ((descriptor & 4) === 0 ? 0 : 4);
}

/** The snapshot table; entries have a variable length and are padded to eight bytes. */
async function internalSnapshots(bytes: ImageBytes, head: Buffer, count: number): Promise<InternalSnapshot[]> {
  if (count === 0) return [];
  if (count > mostSnapshots) refuse(`claims ${count} internal snapshots, more than ${mostSnapshots}`);
  const start = toNumber(head.readBigUInt64BE(64));
  if (start >= bytes.size) refuse("is cut off: its snapshot table lies beyond its end");
  const table = await bytes.read(start, Math.min(largestSnapshotTable, bytes.size - start));
  const snapshots: InternalSnapshot[] = [];
  let at = 0;
  for (let index = 0; index < count; index += 1) {
    if (at + 40 > table.length) refuse("is cut off: its snapshot table lies beyond its end");
    const [idBytes, nameBytes, extraBytes] = [table.readUInt16BE(at + 12), table.readUInt16BE(at + 14), table.readUInt32BE(at + 36)];
    const idAt = at + 40 + extraBytes;
    const end = idAt + idBytes + nameBytes;
    if (end > table.length) refuse("is cut off: its snapshot table lies beyond its end");
    // The 64-bit size of the memory counts where it is given.
    const memoryBytes = extraBytes >= 8 ? toNumber(table.readBigUInt64BE(at + 40)) : table.readUInt32BE(at + 32);
    snapshots.push({
      id: plainText(table.subarray(idAt, idAt + idBytes), "utf8"),
      name: plainText(table.subarray(idAt + idBytes, end), "utf8"),
      createdAt: new Date(table.readUInt32BE(at + 16) * 1000).toISOString(),
      memoryBytes: Number.isFinite(memoryBytes) ? memoryBytes : refuse("has a snapshot of impossible size"),
    });
    at = Math.ceil(end / 8) * 8;
  }
  return snapshots;
}
