import { open } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";

const intervalMs = 200;
const chunkBytes = 65_536;

/**
 * Prints a file's last bytes, then what is added, until the signal is given. A file that shrinks or is replaced
 * (a new start rotates it) is read from its beginning; one that does not exist yet is waited for.
 */
export async function followFile(file: string, lastBytes: number, signal: AbortSignal, print: (data: Buffer) => void): Promise<void> {
  let position: number | undefined;
  let inode: number | undefined;
  while (!signal.aborted) {
    const handle = await open(file, "r").catch((error: NodeJS.ErrnoException) => {
      if (error.code !== "ENOENT") throw error;
      return undefined;
    });
    if (handle === undefined) position = 0;
    else {
      try {
        const { size, ino } = await handle.stat();
        position ??= Math.max(0, size - lastBytes);
        if (size < position || (inode !== undefined && ino !== inode)) position = 0;
        inode = ino;
        const buffer = Buffer.alloc(Math.min(chunkBytes, Math.max(1, size - position)));
        while (position < size && !signal.aborted) {
          const { bytesRead } = await handle.read(buffer, 0, buffer.length, position);
          if (bytesRead === 0) break;
          position += bytesRead;
          print(Buffer.from(buffer.subarray(0, bytesRead)));
        }
      } finally {
        await handle.close();
      }
    }
    await delay(intervalMs, undefined, { signal }).catch(() => undefined);
  }
}
