import { type FileHandle, open } from "node:fs/promises";
import { constants, zstdCompressSync } from "node:zlib";

/** 64 KiB: larger ones compress better, but each of the fixed tables takes a whole one. */
const CLUSTER_BITS = 16;
const CLUSTER = 1 << CLUSTER_BITS;
/** Entries of 8 bytes in a table of one cluster. */
const TABLE_ENTRIES = CLUSTER / 8;
/** Entries of 2 bytes in a refcount block of one cluster. */
const REFCOUNTS = CLUSTER / 2;
const COMPRESSED = 1n << 62n;
const COPIED = 1n << 63n;

/**
 * Writes a raw image as a qcow2 with zstd clusters (docs/interop/qcow2.txt of QEMU). qemu-img could do it, but at
 * zstd's default level and with bytes that depend on its version; here level 19 saves an eighth of the file.
 */
export async function writeQcow2(rawPath: string, path: string): Promise<void> {
  const raw = await open(rawPath, "r");
  try {
    const { size } = await raw.stat();
    if (size % CLUSTER !== 0) throw new Error(`${rawPath}: ${size} bytes are not whole clusters`);
    const clusters = size / CLUSTER;
    const l2Tables = Math.ceil(clusters / TABLE_ENTRIES);
    if (l2Tables > TABLE_ENTRIES) throw new Error(`${rawPath}: too large for one L1 cluster`);

    // Layout: header | L1 | refcount table | refcount block | L2 tables | compressed data.
    const dataStart = (4 + l2Tables) * CLUSTER;
    const l2 = Buffer.alloc(l2Tables * CLUSTER);
    const parts: Buffer[] = [];
    let offset = dataStart;
    for await (const { index, data } of dataClusters(raw, clusters)) {
      const packed = compress(data);
      l2.writeBigUInt64BE(compressedDescriptor(offset, packed.length), index * 8);
      parts.push(packed);
      offset += packed.length;
    }
    const fileClusters = Math.ceil(offset / CLUSTER);
    if (fileClusters > REFCOUNTS) throw new Error(`${rawPath}: too much data for one refcount block`);
    parts.push(Buffer.alloc(fileClusters * CLUSTER - offset));

    const l1 = Buffer.alloc(CLUSTER);
    for (let table = 0; table < l2Tables; table++) l1.writeBigUInt64BE(BigInt((4 + table) * CLUSTER) | COPIED, table * 8);
    const refcountTable = Buffer.alloc(CLUSTER);
    refcountTable.writeBigUInt64BE(BigInt(3 * CLUSTER), 0);
    const refcounts = refcountBlock(4 + l2Tables, dataStart, parts);

    const file = await open(path, "w");
    try {
      await file.writev([header(size, l2Tables), l1, refcountTable, refcounts, l2]);
      for (const part of parts) await file.write(part);
    } finally {
      await file.close();
    }
  } finally {
    await raw.close();
  }
}

async function* dataClusters(raw: FileHandle, clusters: number): AsyncGenerator<{ index: number; data: Buffer }> {
  const zero = Buffer.alloc(CLUSTER);
  for (let index = 0; index < clusters; index++) {
    const data = Buffer.alloc(CLUSTER);
    await raw.read(data, 0, CLUSTER, index * CLUSTER);
    if (!data.equals(zero)) yield { index, data };
  }
}

function compress(data: Buffer): Buffer {
  const packed = zstdCompressSync(data, { params: { [constants.ZSTD_c_compressionLevel]: 19 } });
  if (packed.length >= CLUSTER) throw new Error("a cluster does not compress; the image format would need plain clusters");
  return packed;
}

/** Where a compressed cluster lies: byte offset, and how many further 512-byte sectors it touches. */
function compressedDescriptor(offset: number, length: number): bigint {
  const offsetBits = BigInt(62 - (CLUSTER_BITS - 8));
  const firstSector = Math.floor(offset / 512);
  const lastSector = Math.floor((offset + length - 1) / 512);
  return COMPRESSED | (BigInt(lastSector - firstSector) << offsetBits) | BigInt(offset);
}

/** One count for each metadata cluster; a data cluster counts the compressed clusters whose sectors touch it. */
function refcountBlock(metadataClusters: number, dataStart: number, parts: readonly Buffer[]): Buffer {
  const block = Buffer.alloc(CLUSTER);
  for (let index = 0; index < metadataClusters; index++) block.writeUInt16BE(1, index * 2);
  let offset = dataStart;
  // The last part is the filling up to a whole cluster.
  for (const part of parts.slice(0, -1)) {
    const last = Math.floor((offset + part.length - 1) / CLUSTER);
    for (let index = Math.floor(offset / CLUSTER); index <= last; index++) {
      block.writeUInt16BE(block.readUInt16BE(index * 2) + 1, index * 2);
    }
    offset += part.length;
  }
  return block;
}

function header(sizeBytes: number, l1Entries: number): Buffer {
  const data = Buffer.alloc(CLUSTER);
  data.write("QFI\xfb", 0, "latin1");
  data.writeUInt32BE(3, 4); // version
  data.writeUInt32BE(CLUSTER_BITS, 20);
  data.writeBigUInt64BE(BigInt(sizeBytes), 24);
  data.writeUInt32BE(l1Entries, 36);
  data.writeBigUInt64BE(BigInt(CLUSTER), 40); // L1
  data.writeBigUInt64BE(BigInt(2 * CLUSTER), 48); // refcount table
  data.writeUInt32BE(1, 56); // its clusters
  data.writeBigUInt64BE(1n << 3n, 72); // incompatible: a compression type is given
  data.writeUInt32BE(4, 96); // refcounts of 2^4 bits
  data.writeUInt32BE(112, 100); // header length
  data.writeUInt8(1, 104); // zstd
  return data;
}
