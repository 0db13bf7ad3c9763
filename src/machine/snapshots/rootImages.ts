import { statSync } from "node:fs";
import { unlink } from "node:fs/promises";
import type { SnapshotsFile } from "../../model/index.ts";
import { listDiskTrash } from "../disks/trash.ts";
import { loadSnapshots } from "../layers.ts";
import type { Machine } from "../machine.ts";
import { forgetFrozen } from "./frozen.ts";
import { layerPath, readGraph } from "./graph.ts";
import { neededLayers, saveRecords } from "./records.ts";

/**
 * First layers of disks that are gone: they lie in the machine's folder itself, beside files of the user's, and a snapshot
 * kept them. Ours are only those that a snapshot froze; the last snapshot that needs one takes it along.
 */
export async function unneededRootImages(machine: Machine, file: SnapshotsFile): Promise<{ name: string; bytes: number }[]> {
  const graph = readGraph(machine.paths, file, machine.effectiveDefinition);
  // What stands on an unreadable layer cannot be known.
  if (graph.problems.size > 0 || machine.definition === undefined) return [];
  const needed = neededLayers(machine, file);
  const inTrash = new Set((await listDiskTrash(machine)).flatMap(({ shared }) => shared));
  return Object.keys(file.frozen).flatMap((name) => {
    // Variables of a firmware that the machine does not use now wait for it.
    if (name.includes("/") || name.startsWith("nvram") || needed.has(name)) return [];
    const found = statSync(layerPath(machine.paths, name), { throwIfNoEntry: false });
    // A removed disk that can come back needs it where its own hard link could not be made.
    if (inTrash.has(name) && found?.nlink === 1) return [];
    return [{ name, bytes: found?.nlink === 1 ? (found.blocks === undefined ? found.size : found.blocks * 512) : 0 }];
  });
}

/** Deletes them, and then what is recorded of them: after a crash in between the next time does it. @returns bytes that came free */
export async function dropRootImages(machine: Machine): Promise<number> {
  const images = await unneededRootImages(machine, await loadSnapshots(machine.paths));
  if (images.length === 0) return 0;
  for (const { name } of images) {
    await unlink(layerPath(machine.paths, name)).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== "ENOENT") throw error;
    });
  }
  const names = images.map(({ name }) => name);
  await saveRecords(machine, forgetFrozen(await loadSnapshots(machine.paths), names));
  return images.reduce((sum, { bytes }) => sum + bytes, 0);
}
