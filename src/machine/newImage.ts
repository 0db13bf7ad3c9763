import { open, rm } from "node:fs/promises";
import { emptyQcow2, type NewQcow2 } from "../qemu/index.ts";

/**
 * Writes an empty qcow2 image, or an overlay, without starting qemu-img: under a millisecond. `durable` flushes the
 * file; its folder is the caller's (`syncFolder`), once for several images. Nothing is left when it fails.
 * @throws VivError `usage`; `EEXIST`, `ENOSPC` and the like as they come.
 */
export async function makeQcow2(file: string, image: NewQcow2, options: { durable?: boolean } = {}): Promise<void> {
  const { length, parts } = emptyQcow2(image);
  const handle = await open(file, "wx", 0o600);
  try {
    try {
      await handle.truncate(length);
      for (const { offset, data } of parts) await handle.write(data, 0, data.length, offset);
      if (options.durable) await handle.sync();
    } finally {
      await handle.close();
    }
  } catch (error) {
    await rm(file, { force: true });
    throw error;
  }
}
