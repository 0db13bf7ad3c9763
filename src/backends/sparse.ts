import { type FileHandle, open, rename, rm, stat } from "node:fs/promises";

const blockBytes = 64 * 1024;
const zeros = Buffer.alloc(blockBytes);

/**
 * Writes a file anew without its blocks of zeros, when they are more than half of it: firmware for aarch64 is padded to
 * 64 MiB, four times. The content stays the same; where a file system has no holes, nothing is gained or lost.
 */
export async function makeSparse(file: string): Promise<void> {
  const { size } = await stat(file);
  const source = await open(file, "r");
  try {
    let empty = 0;
    for await (const { block } of blocks(source)) if (isZero(block)) empty += block.length;
    if (empty * 2 <= size) return;
    await rewrite(source, file, size);
  } finally {
    await source.close();
  }
}

async function rewrite(source: FileHandle, file: string, size: number): Promise<void> {
  const temporary = `${file}.sparse`;
  const target = await open(temporary, "wx", 0o600);
  try {
    await target.truncate(size);
    for await (const { block, at } of blocks(source)) if (!isZero(block)) await target.write(block, 0, block.length, at);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  } finally {
    await target.close();
  }
  await rename(temporary, file);
}

async function* blocks(source: FileHandle): AsyncGenerator<{ block: Buffer; at: number }> {
  const buffer = Buffer.alloc(blockBytes);
  for (let at = 0; ; ) {
    const { bytesRead } = await source.read(buffer, 0, blockBytes, at);
    if (bytesRead === 0) return;
    yield { block: buffer.subarray(0, bytesRead), at };
    at += bytesRead;
  }
}

function isZero(block: Buffer): boolean {
  return block.equals(zeros.subarray(0, block.length));
}
