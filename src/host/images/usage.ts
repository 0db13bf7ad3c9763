import { lstat, open, readdir, readFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { loadDefinition, machinePaths, templateFiles } from "../../machine/index.ts";
import type { Home } from "../home.ts";
import type { Image } from "./record.ts";

/** A machine or a template (`NAME (template)`) that is built on an image; a machine of the trash can come back. */
export interface ImageUser {
  readonly name: string;
  readonly removed: boolean;
}

/**
 * Who is built on which folder of the store, by what is written in the machines' folders: any name of an image's folder
 * in vm.json, snapshots.json, state.json or an image's header, in layers of snapshots and in the trash.
 */
export async function imageUsers(home: Home): Promise<Map<string, ImageUser[]>> {
  const known = (await readdir(home.images).catch(() => [])).filter((name) => !name.startsWith(".") && name !== "names");
  const users = new Map<string, ImageUser[]>(known.map((name) => [name, []]));
  for (const parent of placesOfMachines(home))
    for (const name of await readdir(parent).catch(() => [])) {
      const folder = join(parent, name);
      if (!(await lstat(folder)).isDirectory()) continue;
      const text = await everyRecord(folder);
      const user = { name: shownName(home, parent, name), removed: parent === home.trash };
      for (const image of known) if (text.includes(image)) users.get(image)?.push(user);
    }
  return users;
}

/** Folders of folders that a machine's files are in. */
export function placesOfMachines(home: Home): readonly string[] {
  return [home.machines, home.trash, home.templates];
}

function shownName(home: Home, parent: string, name: string): string {
  if (parent === home.templates) return `${name} (template)`;
  return parent === home.trash ? name.replace(/-\d{4}-\d{2}-\d{2}T\d+Z$/, "") : name;
}

/** Names of machines, removed ones marked. */
export function usersOf(users: Map<string, ImageUser[]>, image: Image): ImageUser[] {
  return users.get(basename(image.folder)) ?? [];
}

const headerBytes = 4096;

/** All text of a machine folder that may name a file of the store. */
export async function everyRecord(folder: string): Promise<string> {
  const paths = machinePaths(folder);
  const records = [paths.definition, paths.snapshotsFile, paths.state, templateFiles(folder).record];
  const loaded = await loadDefinition(paths);
  const outside = "definition" in loaded ? loaded.definition.disks.map(({ file }) => join(folder, file)) : [];
  const files = (await readdir(folder, { recursive: true })).filter((name) => name.endsWith(".qcow2")).map((name) => join(folder, name));
  const heads = await Promise.all([...new Set([...files, ...outside])].map((file) => head(file)));
  const texts = await Promise.all(records.map((file) => readFile(file, "utf8").catch(() => "")));
  return [...texts, ...heads].join("\n");
}

/** Where a qcow2 has its backing file's name. */
async function head(file: string): Promise<string> {
  const handle = await open(file, "r").catch(() => undefined);
  if (!handle) return "";
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(headerBytes), 0, headerBytes, 0);
    return buffer.toString("utf8", 0, bytesRead);
  } finally {
    await handle.close();
  }
}
