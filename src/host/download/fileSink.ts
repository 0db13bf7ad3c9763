import type { FileHandle } from "node:fs/promises";

const batchBytes = 1 << 20;

/** Writes what comes in batches, one of them on its way while the next is gathered. */
export interface FileSink {
  write(chunk: Buffer): Promise<void>;
  /** All is with the file system. */
  flush(): Promise<void>;
}

/** @param position where the first byte goes */
export function fileSink(handle: FileHandle, position: number): FileSink {
  let gathered: Buffer[] = [];
  let bytes = 0;
  let next = position;
  let writing: Promise<void> = Promise.resolve();
  let failed: unknown;
  const start = (): void => {
    const [batch, at] = [gathered, next];
    next += bytes;
    gathered = [];
    bytes = 0;
    writing = writeAll(handle, batch, at).catch((error: unknown) => {
      failed = error;
    });
  };
  const settled = async (): Promise<void> => {
    await writing;
    if (failed !== undefined) throw failed;
  };
  return {
    async write(chunk) {
      gathered.push(chunk);
      bytes += chunk.length;
      if (bytes < batchBytes) return;
      await settled();
      start();
    },
    async flush() {
      await settled();
      if (bytes > 0) start();
      await settled();
    },
  };
}

async function writeAll(handle: FileHandle, batch: readonly Buffer[], position: number): Promise<void> {
  let at = position;
  let rest = [...batch];
  while (rest.length > 0) {
    const { bytesWritten } = await handle.writev(rest, at);
    at += bytesWritten;
    rest = after(rest, bytesWritten);
  }
}

/** What is left of buffers of which so many bytes are done. */
function after(buffers: readonly Buffer[], done: number): Buffer[] {
  let skip = done;
  return buffers.flatMap((buffer) => {
    const part = Math.min(skip, buffer.length);
    skip -= part;
    return part === buffer.length ? [] : [buffer.subarray(part)];
  });
}
