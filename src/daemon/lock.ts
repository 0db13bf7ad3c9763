import { link, readFile, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { isAlive, type ProcessIdentity } from "../backends/index.ts";

/** Somebody who clears a stale lock away and dies doing so must not block the others for longer. */
const clearingMs = 5000;

/**
 * One vivd a home: `run/vivd.lock` names the process that holds it, made whole by a hard link. Only who holds
 * `vivd.lock.clearing` may remove one whose process is gone, after another look: otherwise two that found the same stale
 * lock could each remove the other's fresh one.
 * @returns how to release it, or undefined when another process that lives holds it.
 */
export async function takeLock(runFolder: string, self: ProcessIdentity): Promise<(() => Promise<void>) | undefined> {
  const file = join(runFolder, "vivd.lock");
  for (let tries = 0; tries < 100; tries += 1) {
    if (await created(file, self)) return () => release(file, self);
    const holder = await readHolder(file);
    if (holder === "gone") continue;
    if (holder !== "unreadable" && (await isAlive(holder))) return undefined;
    // Where there are no hard links its owner may be between creating and writing it.
    if ((holder === "unreadable" && tries < 5) || !(await clear(file, self))) await new Promise((wake) => setTimeout(wake, 20));
  }
  return undefined;
}

/** Removes a lock that is stale beyond doubt; false when somebody else is at it. */
async function clear(file: string, self: ProcessIdentity): Promise<boolean> {
  const clearing = `${file}.clearing`;
  if (!(await created(clearing, self))) {
    const { mtimeMs } = await stat(clearing).catch(() => ({ mtimeMs: Date.now() }));
    if (Date.now() - mtimeMs > clearingMs) await rm(clearing, { force: true });
    return false;
  }
  try {
    const holder = await readHolder(file);
    const stale = holder === "unreadable" || (holder !== "gone" && !(await isAlive(holder)));
    if (stale) await rm(file, { force: true });
    return true;
  } finally {
    await rm(clearing, { force: true });
  }
}

async function created(file: string, self: ProcessIdentity): Promise<boolean> {
  try {
    await createWhole(file, JSON.stringify(self), self.pid);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  }
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
