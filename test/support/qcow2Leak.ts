import { open } from "node:fs/promises";

const clusterBytes = 65_536;

/** A cluster that a qcow2 image (64 KiB clusters, 16-bit counts) counts as used, and nobody uses. */
export async function addLeak(file: string): Promise<void> {
  const handle = await open(file, "r+");
  try {
    const cluster = Math.ceil((await handle.stat()).size / clusterBytes);
    await handle.truncate((cluster + 1) * clusterBytes);
    const { buffer } = await handle.read(Buffer.alloc(104), 0, 104, 0);
    const table = Number(buffer.readBigUInt64BE(48));
    const block = Number((await handle.read(Buffer.alloc(8), 0, 8, table)).buffer.readBigUInt64BE(0));
    await handle.write(Buffer.of(0, 1), 0, 2, block + cluster * 2);
  } finally {
    await handle.close();
  }
}
