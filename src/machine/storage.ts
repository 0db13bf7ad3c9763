import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { mkdir, open, readdir, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";

/**
 * Files that are never half-written: a temporary file beside the target, then rename. `durable` also flushes the
 * file and its folder, so that it survives the host's power cut; without it it survives any process's death.
 */
export async function writeFileAtomically(
  file: string,
  content: string | Uint8Array,
  options: { mode?: number; durable?: boolean } = {},
): Promise<void> {
  const temporary = join(dirname(file), `.${randomBytes(6).toString("hex")}.tmp`);
  try {
    const handle = await open(temporary, "wx", options.mode ?? 0o600);
    try {
      await handle.writeFile(content);
      if (options.durable) await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(temporary, file);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
  if (options.durable) await syncFolder(dirname(file));
}

/** What a process that was killed in `writeFileAtomically` left in a folder. Only where no other one writes there. */
export async function removeTemporaries(folder: string): Promise<void> {
  for (const name of await readdir(folder)) if (/^\.[0-9a-f]{12}\.tmp$/.test(name)) await rm(join(folder, name), { force: true });
}

/** Flushes a folder's entries. Windows has no such call and needs none. */
export async function syncFolder(folder: string): Promise<void> {
  if (process.platform === "win32") return;
  const handle = await open(folder, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

export async function syncFile(file: string): Promise<void> {
  const handle = await open(file, "r+");
  try {
    await handle.datasync();
  } finally {
    await handle.close();
  }
}

/**
 * A small file's text, or undefined when there is none. Read at once: by way of the thread pool it costs eight times as
 * much, and a home of a thousand machines has two thousand of them to read before vivd answers (test/bench/results.md).
 */
export async function readTextIfPresent(file: string): Promise<string | undefined> {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

/** A folder only its owner can enter. */
export async function makePrivateFolder(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
}

/** The last bytes of a file as text; empty when there is none. */
export async function readTail(file: string, maximumBytes: number): Promise<string> {
  let handle: Awaited<ReturnType<typeof open>>;
  try {
    handle = await open(file, "r");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return "";
    throw error;
  }
  try {
    const { size } = await handle.stat();
    const length = Math.min(size, maximumBytes);
    const buffer = Buffer.alloc(length);
    await handle.read(buffer, 0, length, size - length);
    return buffer.toString("utf8");
  } finally {
    await handle.close();
  }
}
