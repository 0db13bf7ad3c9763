import { readdir, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import * as z from "zod";
import { allocatedBytes, loadDefinition, machinePaths, readTextIfPresent, syncFolder, writeFileAtomically } from "../machine/index.ts";
import { vivError } from "../model/index.ts";

/** Removed machines wait in `trash/<name>-<time>/`, whole, until the trash is emptied. */
export interface Removed {
  readonly folder: string;
  readonly id: string;
  readonly name: string;
  readonly removedAt: string;
  readonly bytes: number;
}

const TrashNote = z.object({ name: z.string(), removedAt: z.string() });
const noteName = "removed.json";

/** Moves a machine's folder to the trash: one rename, so it is here or there. */
export async function moveToTrash(folder: string, name: string, trash: string): Promise<Removed> {
  const removedAt = new Date().toISOString();
  const target = join(trash, `${name}-${removedAt.replaceAll(/[:.]/g, "")}`);
  await writeFileAtomically(join(folder, noteName), JSON.stringify({ name, removedAt }));
  await rename(folder, target);
  await syncFolder(trash);
  const removed = await describe(target);
  if (!removed) throw vivError("internal", `${name} was moved to ${target}, and is not there.`);
  return removed;
}

/** Newest first. */
export async function listTrash(trash: string): Promise<Removed[]> {
  const names = await readdir(trash);
  const entries = await Promise.all(names.map((name) => describe(join(trash, name))));
  return entries.filter((entry) => entry !== undefined).sort((a, b) => b.removedAt.localeCompare(a.removedAt));
}

/** Finds by id, or the newest of a name. @throws VivError `not-found`. */
export async function findRemoved(trash: string, nameOrId: string): Promise<Removed> {
  const found = (await listTrash(trash)).find((entry) => entry.id === nameOrId || entry.name === nameOrId);
  if (!found) throw vivError("not-found", `There is no removed machine ${JSON.stringify(nameOrId)}.`, "List them: viv trash ls");
  return found;
}

export async function moveFromTrash(removed: Removed, target: string): Promise<void> {
  await rename(removed.folder, target);
  await rm(join(target, noteName), { force: true });
}

export async function emptyTrash(trash: string, only?: string): Promise<number> {
  const entries = only === undefined ? await listTrash(trash) : [await findRemoved(trash, only)];
  for (const entry of entries) await rm(entry.folder, { recursive: true, force: true });
  return entries.reduce((sum, entry) => sum + entry.bytes, 0);
}

async function describe(folder: string): Promise<Removed | undefined> {
  const text = await readTextIfPresent(join(folder, noteName)).catch(() => undefined);
  const note = text === undefined ? undefined : parseNote(text);
  if (!note) return undefined;
  const loaded = await loadDefinition(machinePaths(folder));
  const id = "definition" in loaded ? loaded.definition.id : `damaged-${note.name}`;
  return { folder, id, ...note, bytes: await folderBytes(folder) };
}

function parseNote(text: string): z.infer<typeof TrashNote> | undefined {
  try {
    return TrashNote.parse(JSON.parse(text));
  } catch {
    return undefined;
  }
}

/** Bytes of the host that a folder takes. */
export async function folderBytes(folder: string): Promise<number> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
  const sizes = await Promise.all(
    entries.map((entry) => (entry.isDirectory() ? folderBytes(join(folder, entry.name)) : allocatedBytes(join(folder, entry.name)))),
  );
  const own = await stat(folder).catch(() => undefined);
  return sizes.reduce<number>((sum, bytes) => sum + (bytes ?? 0), (own?.blocks ?? 0) * 512);
}
