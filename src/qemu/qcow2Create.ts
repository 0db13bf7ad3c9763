import { vivError } from "../model/index.ts";
import { largestVirtualBytes } from "./imageHeaders/types.ts";

/**
 * An empty qcow2 image as bytes, so that an overlay costs a file's writing and no process (qemu-img: 20–28 ms).
 * Layout: QEMU's docs/interop/qcow2.rst. Pure; the writer is machine/newImage.ts.
 */
export interface NewQcow2 {
  readonly virtualBytes: number;
  /** A power of two from 512 bytes to 2 MiB; 64 KiB, QEMU's own, when absent. */
  readonly clusterBytes?: number;
  /** 32 subclusters a cluster: small writes copy little of the backing image. Clusters of at least 16 KiB. */
  readonly extendedL2?: boolean;
  /** As it will stand in the image: relative to the image's folder, so that a home can be moved. */
  readonly backing?: { readonly file: string; readonly format: "qcow2" | "raw" };
}

/** What to write where; the rest of the `length` bytes are zeroes and may stay a hole. */
export interface SparseBytes {
  readonly length: number;
  readonly parts: readonly { readonly offset: number; readonly data: Buffer }[];
}

const headerBytes = 112;
const backingFormatExtension = 0xe2_79_2a_ca;
const extendedL2Feature = 1n << 4n;
/** `QCOW_MAX_L1_SIZE` of QEMU's block/qcow2.h. */
const largestL1Bytes = 32 * 1024 ** 2;
const longestBackingName = 1023;

/** @throws VivError `usage` for a size or name that QEMU would not take. */
export function emptyQcow2(image: NewQcow2): SparseBytes {
  const clusterBytes = image.clusterBytes ?? 65_536;
  requirePossible(image, clusterBytes);
  const l1Entries = Math.ceil(image.virtualBytes / (clusterBytes * entriesOfL2(image, clusterBytes)));
  if (l1Entries * 8 > largestL1Bytes)
    throw vivError("usage", `An image of ${image.virtualBytes} bytes needs larger clusters than ${clusterBytes} bytes.`);
  const layout = layoutOf(clusterBytes, Math.ceil((l1Entries * 8) / clusterBytes));
  const header = headerOf(image, clusterBytes, l1Entries, layout);
  if (header.length > clusterBytes) throw vivError("usage", "The backing file's name does not fit into the image's first cluster.");
  const table = Buffer.alloc(layout.blocks * 8);
  for (let block = 0; block < layout.blocks; block += 1)
    table.writeBigUInt64BE(BigInt((layout.firstBlock + block) * clusterBytes), block * 8);
  const counts = Buffer.alloc(layout.clusters * 2);
  for (let cluster = 0; cluster < layout.clusters; cluster += 1) counts.writeUInt16BE(1, cluster * 2);
  return {
    length: layout.clusters * clusterBytes,
    parts: [
      { offset: 0, data: header },
      { offset: clusterBytes, data: table },
      { offset: layout.firstBlock * clusterBytes, data: counts },
    ],
  };
}

function requirePossible(image: NewQcow2, clusterBytes: number): void {
  const bits = Math.log2(clusterBytes);
  if (!Number.isInteger(bits) || bits < 9 || bits > 21) throw vivError("usage", `qcow2 has no clusters of ${clusterBytes} bytes.`);
  if (image.extendedL2 && bits < 14) throw vivError("usage", "Subclusters need clusters of at least 16 KiB.");
  if (!Number.isSafeInteger(image.virtualBytes) || image.virtualBytes < 0 || image.virtualBytes % 512 !== 0)
    throw vivError("usage", `A disk cannot have ${image.virtualBytes} bytes; it has whole sectors of 512 bytes.`);
  if (image.virtualBytes > largestVirtualBytes) throw vivError("usage", "A disk has at most 1 PiB.");
  const name = image.backing?.file;
  if (name === undefined) return;
  // QEMU takes what is before a colon for a protocol unless a slash comes first.
  if (
    name === "" ||
    Buffer.byteLength(name) > longestBackingName ||
    /\p{Cc}/u.test(name) ||
    (/^[^/\\]*:/.test(name) && !/^[A-Za-z]:[\\/]/.test(name))
  )
    throw vivError("usage", `“${name}” cannot be a backing file's name.`);
}

function entriesOfL2(image: NewQcow2, clusterBytes: number): number {
  return clusterBytes / (image.extendedL2 ? 16 : 8);
}

interface Layout {
  readonly tableClusters: number;
  readonly firstBlock: number;
  readonly blocks: number;
  readonly firstL1: number;
  readonly clusters: number;
}

/** Header | refcount table | refcount blocks | L1. The blocks count themselves, so their number is approached from below. */
function layoutOf(clusterBytes: number, l1Clusters: number): Layout {
  for (let blocks = 1; ; blocks += 1) {
    const tableClusters = Math.ceil((blocks * 8) / clusterBytes);
    const clusters = 1 + tableClusters + blocks + l1Clusters;
    if (clusters > blocks * (clusterBytes / 2)) continue;
    return { tableClusters, firstBlock: 1 + tableClusters, blocks, firstL1: 1 + tableClusters + blocks, clusters };
  }
}

function headerOf(image: NewQcow2, clusterBytes: number, l1Entries: number, layout: Layout): Buffer {
  const extension = image.backing === undefined ? Buffer.alloc(0) : backingFormat(image.backing.format);
  const end = Buffer.alloc(8);
  const name = Buffer.from(image.backing?.file ?? "");
  const head = Buffer.alloc(headerBytes);
  head.write("QFI\xfb", 0, "latin1");
  head.writeUInt32BE(3, 4); // version
  if (image.backing !== undefined) head.writeBigUInt64BE(BigInt(headerBytes + extension.length + end.length), 8);
  head.writeUInt32BE(name.length, 16);
  head.writeUInt32BE(Math.log2(clusterBytes), 20);
  head.writeBigUInt64BE(BigInt(image.virtualBytes), 24);
  head.writeUInt32BE(l1Entries, 36);
  head.writeBigUInt64BE(BigInt(layout.firstL1 * clusterBytes), 40);
  head.writeBigUInt64BE(BigInt(clusterBytes), 48); // refcount table
  head.writeUInt32BE(layout.tableClusters, 56);
  head.writeBigUInt64BE(image.extendedL2 ? extendedL2Feature : 0n, 72); // incompatible features
  head.writeUInt32BE(4, 96); // refcounts of 2^4 bits
  head.writeUInt32BE(headerBytes, 100);
  return Buffer.concat([head, extension, end, name]);
}

/** A header extension: type, length, text filled up to eight bytes. */
function backingFormat(format: string): Buffer {
  const extension = Buffer.alloc(8 + Math.ceil(format.length / 8) * 8);
  extension.writeUInt32BE(backingFormatExtension, 0);
  extension.writeUInt32BE(format.length, 4);
  extension.write(format, 8, "latin1");
  return extension;
}
