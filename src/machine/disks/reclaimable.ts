import { open } from "node:fs/promises";
import type { Layer } from "./chain.ts";

/** Reference counts of 16 bits, QEMU's own; others are not counted. */
const refcountOrder = 4;
/** 64 KiB each: together they describe a file of a tebibyte. */
const blockLimit = 512;

/**
 * Host bytes that a layer takes and no cluster of it uses, by its own reference counts (QEMU's docs/interop/qcow2.rst).
 * What the guest deleted and has not discarded counts as used. Null where it cannot be told: raw, or too large to read.
 */
export async function reclaimableBytes(layer: Layer): Promise<number | null> {
  if (!layer.header) return null;
  const used = await usedClusters(layer.file, layer.header.clusterBytes);
  return used === undefined ? null : Math.max(0, layer.allocatedBytes - used * layer.header.clusterBytes);
}

async function usedClusters(file: string, clusterBytes: number): Promise<number | undefined> {
  const handle = await open(file, "r");
  try {
    const read = async (offset: number, length: number) => {
      const buffer = Buffer.alloc(length);
      const { bytesRead } = await handle.read(buffer, 0, length, offset);
      return buffer.subarray(0, bytesRead);
    };
    const head = await read(0, 104);
    if (head.length < 104 || (head.readUInt32BE(4) === 3 && head.readUInt32BE(96) !== refcountOrder)) return undefined;
    const tableBytes = head.readUInt32BE(56) * clusterBytes;
    if (tableBytes > blockLimit * 4096) return undefined;
    const table = await read(Number(head.readBigUInt64BE(48)), tableBytes);
    const blocks: number[] = [];
    for (let at = 0; at + 8 <= table.length; at += 8) {
      const offset = Number(table.readBigUInt64BE(at));
      if (offset > 0) blocks.push(offset);
    }
    if (blocks.length > blockLimit) return undefined;
    let used = 0;
    for (const offset of blocks) used += nonZero(await read(offset, clusterBytes));
    return used;
  } finally {
    await handle.close();
  }
}

function nonZero(block: Buffer): number {
  let count = 0;
  for (let at = 0; at + 1 < block.length; at += 2) if (block[at] !== 0 || block[at + 1] !== 0) count += 1;
  return count;
}
