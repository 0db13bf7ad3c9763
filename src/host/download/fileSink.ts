import type { FileHandle } from "node:fs/promises";

const batchBytes = 1 << 20;

/** Writes what comes in batches, one of them on its way while the next is gathered. */
export interface FileSink {
  /** The chunk is copied. A promise where the disk is behind: nothing more is taken until it is kept. */
  write(chunk: Uint8Array): Promise<void> | undefined;
  /** All is with the file system. */
  flush(): Promise<void>;
}

/**
 * Two buffers, used again and again: chunks that live until they are written cost a quarter of a download's time in
 * garbage collection. One write at a time: Linux lets one into a file, and others spin for it.
 *
 * @param position where the first byte goes
 */
export function fileSink(handle: FileHandle, position: number): FileSink {
  let gathering = Buffer.allocUnsafe(batchBytes);
  let onItsWay = Buffer.allocUnsafe(batchBytes);
  let bytes = 0;
  let next = position;
  let writing: Promise<void> = Promise.resolve();
  let failed: unknown;
  const start = (): void => {
    const [batch, at] = [gathering.subarray(0, bytes), next];
    [gathering, onItsWay] = [onItsWay, gathering];
    next += bytes;
    bytes = 0;
    writing = writeAll(handle, batch, at).catch((error: unknown) => {
      failed = error;
    });
  };
  const settled = async (): Promise<void> => {
    await writing;
    if (failed !== undefined) throw failed;
  };
  const rest = async (chunk: Uint8Array): Promise<void> => {
    for (let at = 0; at < chunk.length; ) {
      const part = chunk.subarray(at, at + batchBytes - bytes);
      gathering.set(part, bytes);
      bytes += part.length;
      at += part.length;
      if (bytes < batchBytes) return;
      await settled();
      start();
    }
  };
  return {
    write(chunk) {
      if (bytes + chunk.length >= batchBytes) return rest(chunk);
      gathering.set(chunk, bytes);
      bytes += chunk.length;
      return undefined;
    },
    async flush() {
      await settled();
      if (bytes > 0) start();
      await settled();
    },
  };
}

async function writeAll(handle: FileHandle, batch: Uint8Array, position: number): Promise<void> {
  for (let at = 0; at < batch.length; ) {
    const { bytesWritten } = await handle.write(batch, at, batch.length - at, position + at);
    at += bytesWritten;
  }
}
