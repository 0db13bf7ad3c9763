import { link, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { isAlive, type ProcessIdentity } from "../backends/index.ts";

/**
 * One vivd a home: `run/vivd.lock` names the process that holds it. Made whole by a hard link; a lock whose process is gone
 * is taken away by renaming it, which only one of several can do.
 */
export async function takeLock(runFolder: string, self: ProcessIdentity): Promise<(() => Promise<void>) | undefined> {
  const file = join(runFolder, "vivd.lock");
  for (let tries = 0; tries < 50; tries += 1) {
    try {
      await createWhole(file, JSON.stringify(self), self.pid);
      return () => release(file, self);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    }
    const holder = await readHolder(file);
    if (holder === "gone") continue;
    if (holder !== "unreadable" && (await isAlive(holder))) return undefined;
    if (holder === "unreadable" && tries < 5) {
      // Its owner may be between creating and writing it.
      await new Promise((wake) => setTimeout(wake, 20));
      continue;
    }
    const aside = `${file}.${self.pid}.stale`;
    await rename(file, aside).catch(() => undefined);
    // Somebody may have renewed the lock between our look and our rename: give a living one back.
    const moved = await readHolder(aside);
    if (moved !== "gone" && moved !== "unreadable" && (await isAlive(moved))) {
      await rename(aside, file);
      return undefined;
    }
    await rm(aside, { force: true });
  }
  return undefined;
}

/** Makes a file that nobody ever sees half-written; EEXIST when there is one. */
async function createWhole(file: string, content: string, pid: number): Promise<void> {
  const own = `${file}.${pid}.new`;
  await writeFile(own, content, { mode: 0o600 });
  try {
    await link(own, file).catch(async (error: NodeJS.ErrnoException) => {
      if (error.code === "EEXIST") throw error;
      // No hard links on this file system (exFAT, some network shares).
      await writeFile(file, content, { flag: "wx", mode: 0o600 });
    });
  } finally {
    await rm(own, { force: true });
  }
}

async function readHolder(file: string): Promise<ProcessIdentity | "gone" | "unreadable"> {
  try {
    const value = JSON.parse(await readFile(file, "utf8")) as Partial<ProcessIdentity>;
    return typeof value.pid === "number" && typeof value.startTime === "string"
      ? { pid: value.pid, startTime: value.startTime }
      : "unreadable";
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "ENOENT" ? "gone" : "unreadable";
  }
}

async function release(file: string, self: ProcessIdentity): Promise<void> {
  const holder = await readHolder(file);
  if (typeof holder === "object" && holder.pid === self.pid && holder.startTime === self.startTime) await rm(file, { force: true });
}
