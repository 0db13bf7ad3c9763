import { randomBytes } from "node:crypto";
import { link, readFile, rename, rm, writeFile } from "node:fs/promises";
import { isAlive } from "../../backends/index.ts";
import { type Definition, ProcessIdentity, type RunRecord, vivError } from "../../model/index.ts";
import { currentImage, loadSnapshots } from "../layers.ts";
import type { Machine } from "../machine.ts";
import { writeFileAtomically } from "../storage.ts";

/**
 * On Linux QEMU and qemu-img lock images themselves (OFD locks). macOS and Windows have no such locks in QEMU
 * (block/file-posix.c), so there a file beside the image says which process holds it: `<image>.lock` with pid and start
 * time. One whose process is gone is stale and is taken over.
 */
export interface LockHost {
  readonly platform: string;
  /** For tests; a real host asks its process table. */
  isAlive?(process: ProcessIdentity): Promise<boolean>;
}

export function lockFile(image: string): string {
  return `${image}.lock`;
}

/** Takes the images' locks for a process. None is taken when one cannot be. @throws VivError `locked`. */
export async function lockImages(host: LockHost, images: readonly string[], owner: ProcessIdentity): Promise<void> {
  if (host.platform === "linux") return;
  const taken: string[] = [];
  try {
    for (const image of new Set(images)) if (await lockImage(host, image, owner)) taken.push(image);
  } catch (error) {
    await unlockImages(host, taken, owner);
    throw error;
  }
}

/** True when it was taken now, false when this process has it already. A lock appears whole, by a link, or not at all. */
async function lockImage(host: LockHost, image: string, owner: ProcessIdentity): Promise<boolean> {
  const file = lockFile(image);
  const own = `${file}.${randomBytes(4).toString("hex")}`;
  await writeFile(own, text(owner), { mode: 0o600 });
  try {
    for (;;) {
      const made = await link(own, file).then(
        () => true,
        (error: NodeJS.ErrnoException) => {
          if (error.code !== "EEXIST") throw error;
          return false;
        },
      );
      if (made) return true;
      const holder = await holderOf(file);
      if (holder && same(holder, owner)) return false;
      if (holder && (await (host.isAlive ?? isAlive)(holder)))
        throw vivError("locked", `${image} is in use by process ${holder.pid}.`, "Stop the machine or the program that uses it.");
      await clearStale(file, holder);
    }
  } finally {
    await rm(own, { force: true });
  }
}

/** Two may find the same stale lock: who moves away a fresh one instead puts it back. */
async function clearStale(file: string, stale: ProcessIdentity | undefined): Promise<void> {
  const aside = `${file}.${randomBytes(4).toString("hex")}`;
  await rename(file, aside).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== "ENOENT") throw error;
  });
  const moved = await holderOf(aside);
  if (moved && !(stale && same(moved, stale))) await link(aside, file).catch(() => undefined);
  await rm(aside, { force: true });
}

/** Passes the locks on, from the service that made ready to the QEMU it spawned. */
export async function passLocks(host: LockHost, images: readonly string[], to: ProcessIdentity): Promise<void> {
  if (host.platform === "linux") return;
  for (const image of new Set(images)) await writeFileAtomically(lockFile(image), text(to));
}

/** Gives back what this process holds; another's lock stays. */
export async function unlockImages(host: LockHost, images: readonly string[], owner: ProcessIdentity): Promise<void> {
  if (host.platform === "linux") return;
  for (const image of new Set(images)) {
    const holder = await holderOf(lockFile(image));
    if (holder && same(holder, owner)) await rm(lockFile(image), { force: true });
  }
}

/** What a QEMU that is gone held: its lock files go with it. */
export async function releaseImages(machine: Machine, run: RunRecord): Promise<void> {
  if (machine.host.platform === "linux") return;
  const { current } = await loadSnapshots(machine.paths);
  const { disks } = run.definition as Definition;
  await unlockImages(
    machine.host,
    disks.map((disk) => currentImage(machine.paths, current.layers, disk).file),
    run,
  );
}

/** Holds images while an offline tool works on them. */
export async function holdImages<T>(host: LockHost, images: readonly string[], owner: ProcessIdentity, work: () => Promise<T>): Promise<T> {
  await lockImages(host, images, owner);
  try {
    return await work();
  } finally {
    await unlockImages(host, images, owner);
  }
}

function text({ pid, startTime }: ProcessIdentity): string {
  return JSON.stringify({ pid, startTime });
}

/** Undefined for a lock that is not there or cannot be read: nobody holds it. */
async function holderOf(file: string): Promise<ProcessIdentity | undefined> {
  const content = await readFile(file, "utf8").catch(() => "");
  try {
    return ProcessIdentity.parse(JSON.parse(content));
  } catch {
    return undefined;
  }
}

function same(a: ProcessIdentity, b: ProcessIdentity): boolean {
  return a.pid === b.pid && a.startTime === b.startTime;
}
