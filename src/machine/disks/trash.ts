import { randomBytes } from "node:crypto";
import { link, mkdir, readdir, rename, rm, stat } from "node:fs/promises";
import { dirname, join, relative, sep } from "node:path";
import * as z from "zod";
import { Disk, vivError } from "../../model/index.ts";
import type { Machine } from "../machine.ts";
import { whileLinking } from "../snapshots/frozen.ts";
import { readTextIfPresent, syncFolder, writeFileAtomically } from "../storage.ts";

/**
 * Removed disks of a machine: `trash/<id>-<six digits>/` in its folder holds the disk's own files and `removed.json`,
 * which says where they were. A disk that comes back gets them at the same places, so every backing name is valid again.
 */
const noteName = "removed.json";

const Note = z.object({
  schema: z.literal(1),
  disk: Disk,
  /** What snapshots.json had as its current layer, if anything. */
  layer: z.string().optional(),
  removedAt: z.string(),
  /** Relative to the machine's folder, with `/`. In the trash they are named by their last part. */
  files: z.array(z.string()),
  /**
   * Layers below them that snapshots need too: they stay, and a hard link of each is kept here, so that the disk is whole
   * whatever becomes of the snapshots. (Without hard links on this file system it is not.)
   */
  shared: z.array(z.string()).default([]),
});
export type RemovedDisk = z.infer<typeof Note> & { readonly folder: string; readonly bytes: number };

function trashFolder(machine: Machine): string {
  return join(machine.paths.folder, "trash");
}

export function newTrashName(disk: string): string {
  return `${disk}-${randomBytes(3).toString("hex")}`;
}

/** Moves files into the trash. May be repeated after a crash: what was moved already stays moved. */
export async function moveToDiskTrash(machine: Machine, name: string, note: Omit<z.infer<typeof Note>, "schema">): Promise<void> {
  const folder = join(trashFolder(machine), name);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  await writeFileAtomically(join(folder, noteName), `${JSON.stringify({ schema: 1, ...note }, null, 2)}\n`, { durable: true });
  await whileLinking(machine, async () => {
    for (const file of note.shared) await link(join(machine.paths.folder, file), join(folder, lastPart(file))).catch(() => undefined);
  });
  for (const file of note.files) await moveIfThere(join(machine.paths.folder, file), join(folder, lastPart(file)));
  await syncFolder(folder);
  await syncFolder(machine.paths.folder);
}

/** Newest first. A folder without a readable note is none of ours. */
export async function listDiskTrash(machine: Machine): Promise<RemovedDisk[]> {
  const names = await readdir(trashFolder(machine)).catch(() => []);
  const found = await Promise.all(names.map((name) => readNote(join(trashFolder(machine), name))));
  return found.filter((each) => each !== undefined).sort((a, b) => b.removedAt.localeCompare(a.removedAt));
}

/** The newest removed disk of this id. @throws VivError `not-found`. */
export async function findRemovedDisk(machine: Machine, id: string): Promise<RemovedDisk> {
  const removed = await listDiskTrash(machine);
  const found = removed.find(({ disk }) => disk.id === id);
  if (found) return found;
  const there = [...new Set(removed.map(({ disk }) => disk.id))].join(", ");
  throw vivError(
    "not-found",
    `${machine.name} has no removed disk ${JSON.stringify(id)}.`,
    there === "" ? "Its trash is empty." : `There is: ${there}.`,
  );
}

/** Puts a removed disk's files back to where they were. May be repeated. @throws VivError `exists` when something is there now. */
export async function moveFromDiskTrash(machine: Machine, removed: Pick<RemovedDisk, "folder" | "files" | "shared">): Promise<void> {
  for (const file of removed.shared) {
    const to = join(machine.paths.folder, file);
    if (!(await stat(to).catch(() => undefined))) await moveIfThere(join(removed.folder, lastPart(file)), to);
  }
  for (const file of removed.files) {
    const from = join(removed.folder, lastPart(file));
    const to = join(machine.paths.folder, file);
    if ((await stat(to).catch(() => undefined)) && (await stat(from).catch(() => undefined)))
      throw vivError("exists", `There is another file at ${to} now.`, "Move it away first.");
    await mkdir(dirname(to), { recursive: true, mode: 0o700 });
    await moveIfThere(from, to);
    await syncFolder(dirname(to));
  }
}

/** Deletes removed disks for good; gives the bytes of the host this frees. */
export async function emptyDiskTrash(machine: Machine, id?: string): Promise<number> {
  const removed = (await listDiskTrash(machine)).filter(({ disk }) => id === undefined || disk.id === id);
  for (const { folder } of removed) await rm(folder, { recursive: true, force: true });
  return removed.reduce((sum, { bytes }) => sum + bytes, 0);
}

async function readNote(folder: string): Promise<RemovedDisk | undefined> {
  try {
    const note = Note.parse(JSON.parse((await readTextIfPresent(join(folder, noteName))) ?? "null"));
    const sizes = await Promise.all([...note.files, ...note.shared].map((file) => freedBy(join(folder, lastPart(file)))));
    return { ...note, folder, bytes: sizes.reduce((sum, bytes) => sum + bytes, 0) };
  } catch {
    return undefined;
  }
}

/** Bytes of the host that deleting a file frees: none while it has another name. */
export async function freedBy(file: string): Promise<number> {
  const found = await stat(file).catch(() => undefined);
  if (!found || found.nlink > 1) return 0;
  return found.blocks === undefined ? found.size : found.blocks * 512;
}

export function relativeTo(machine: Machine, file: string): string {
  return relative(machine.paths.folder, file).split(sep).join("/");
}

function lastPart(file: string): string {
  return file.slice(file.lastIndexOf("/") + 1);
}

async function moveIfThere(from: string, to: string): Promise<void> {
  await rename(from, to).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== "ENOENT") throw error;
  });
}
