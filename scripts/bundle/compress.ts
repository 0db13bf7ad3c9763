import { createReadStream, createWriteStream } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { constants, createBrotliCompress } from "node:zlib";
import { create } from "tar";
import { once } from "./cache.ts";
import { sha256OfFile } from "./hash.ts";

/**
 * Brotli qualities in use. Measured on one core of the development machine:
 * QEMU's 93 MB take 129 s at 10 (21.7 MB) and 21 s at 9 (23.5 MB, over its budget);
 * Node's 127 MB take 188 s at 10 (31.6 MB) and 40 s at 9 (35.0 MB, within it). 5 is for trying things.
 */
export type Quality = 5 | 9 | 10;

/**
 * Packs a staged folder into a tar and compresses it. The same files give the same bytes: entries
 * are sorted, times are zero, owners are left out. Compressed tars are kept in the cache by content.
 *
 * @param names paths of regular files below `folder`
 * @returns the compressed file in the cache
 */
export async function packTar(folder: string, names: string[], quality: Quality, cache: string): Promise<string> {
  const tar = `${folder}.tar`;
  await create({ cwd: folder, file: tar, portable: true, noDirRecurse: true, mtime: new Date(0), strict: true }, [...names].sort());
  try {
    const key = await sha256OfFile(tar);
    return await once(join(cache, "parts", `${key}.q${quality}.br`), (temporary) => brotli(tar, temporary, quality));
  } finally {
    await rm(tar, { force: true });
  }
}

async function brotli(from: string, to: string, quality: Quality): Promise<void> {
  const compress = createBrotliCompress({
    chunkSize: 1 << 20,
    params: {
      [constants.BROTLI_PARAM_QUALITY]: quality,
      // The largest window every decoder accepts: 16 MiB.
      [constants.BROTLI_PARAM_LGWIN]: constants.BROTLI_MAX_WINDOW_BITS,
    },
  });
  await pipeline(createReadStream(from, { highWaterMark: 1 << 20 }), compress, createWriteStream(to));
}
