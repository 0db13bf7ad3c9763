import { randomBytes } from "node:crypto";
import { readdir, rm, unlink } from "node:fs/promises";
import { join } from "node:path";
import { asVivError, type SnapshotsFile } from "../../model/index.ts";
import { saveSnapshots } from "../layers.ts";
import type { Machine } from "../machine.ts";
import type { Session } from "../session.ts";
import { chainOf, layerPath, layersInFolder, readGraph } from "./graph.ts";
import { settleLayers } from "./settle.ts";

export async function saveRecords(machine: Machine, file: SnapshotsFile): Promise<SnapshotsFile> {
  await saveSnapshots(machine.paths, file);
  return file;
}

export function newId(): string {
  return randomBytes(6).toString("hex");
}

export function newSuffix(): string {
  return randomBytes(3).toString("hex");
}

/** Space that a restore holds for its records (restore.ts). */
export const reserveName = "reserve";

/**
 * Removes what a crash or a merge left: layers that neither a snapshot nor the present stands on, and folders of no
 * snapshot. Only in `layers/` and `snapshots/`, which are ours alone. @returns bytes of the host that came free.
 */
export async function sweep(machine: Machine, file: SnapshotsFile): Promise<number> {
  const { paths } = machine;
  let freed = 0;
  await rm(join(paths.layers, reserveName), { force: true });
  // What a merge left in QEMU's memory must not be all that is left of a layer.
  if (machine.state.run && machine.session?.responding && !(await settled(machine, machine.session))) return 0;
  const graph = readGraph(paths, file, machine.effectiveDefinition);
  // What stands on an unreadable layer cannot be known: nothing is removed then.
  if (graph.problems.size > 0 || machine.definition === undefined) return 0;
  const needed = neededLayers(machine, file);
  for (const name of layersInFolder(paths)) {
    if (needed.has(name)) continue;
    const layer = graph.layers.get(name);
    await unlink(layerPath(paths, name)).catch(() => undefined);
    if (layer && layer.links <= 1) freed += layer.allocatedBytes;
  }
  const ids = new Set(file.snapshots.map(({ id }) => id));
  for (const id of await readdir(paths.snapshots).catch(() => [])) {
    if (ids.has(id)) continue;
    freed += await folderBytes(join(paths.snapshots, id));
    await rm(join(paths.snapshots, id), { recursive: true, force: true });
  }
  return freed;
}

async function settled(machine: Machine, session: Session): Promise<boolean> {
  return settleLayers(machine, session).then(
    () => true,
    (error: unknown) => {
      machine.host.notice(machine, "warning", `Layers that nobody needs stay for now: ${asVivError(error).message}`);
      return false;
    },
  );
}

/** Everything that snapshots (removed ones too) and the present stand on. */
export function neededLayers(machine: Machine, file: SnapshotsFile): Set<string> {
  const graph = readGraph(machine.paths, file, machine.effectiveDefinition);
  const needed = new Set<string>();
  const tops = [
    ...Object.values(file.current.layers),
    ...[machine.effectiveDefinition, machine.definition].flatMap((definition) => (definition?.disks ?? []).map((disk) => disk.file)),
    ...file.snapshots.flatMap((snapshot) => Object.values(snapshot.layers)),
  ];
  for (const top of tops) for (const layer of chainOf(graph, top)) needed.add(layer.name);
  for (const top of tops) needed.add(top);
  return needed;
}

/** Bytes of the host that a folder's files take. */
export async function folderBytes(folder: string): Promise<number> {
  const { statSync } = await import("node:fs");
  const names = await readdir(folder, { recursive: true }).catch(() => []);
  return names.reduce((sum, name) => {
    const facts = statSync(join(folder, name), { throwIfNoEntry: false });
    return sum + (facts?.isFile() ? (facts.blocks === undefined ? facts.size : facts.blocks * 512) : 0);
  }, 0);
}
