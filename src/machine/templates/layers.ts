import { rm } from "node:fs/promises";
import type { Definition } from "../../model/index.ts";
import type { LayerSource, Point } from "../clone/point.ts";
import { loadSnapshots, saveSnapshots } from "../layers.ts";
import type { Machine } from "../machine.ts";
import { layerPath, readGraph } from "../snapshots/graph.ts";

/**
 * A template's folder had layers of its own while its memory was flattened; its guest did not run, so they are empty and
 * go. What is left is frozen.
 */
export async function dropOwnLayers(machine: Machine, point: Point): Promise<void> {
  const file = await loadSnapshots(machine.paths);
  const own = Object.entries(file.current.layers).filter(([key, layer]) => point.layers[key] !== layer);
  await saveSnapshots(machine.paths, { ...file, current: { layers: point.layers } });
  for (const [, layer] of own) await rm(layerPath(machine.paths, layer), { force: true });
}

/** What a fork's disks stand on. @throws VivError `damaged` for a folder whose records cannot be read */
export async function templateLayers(machine: Machine, definition: Definition): Promise<LayerSource> {
  const file = await loadSnapshots(machine.paths);
  return { machine, definition, layers: file.current.layers, file, graph: readGraph(machine.paths, file, definition) };
}

/** Where a snapshot's memory lies. */
export function memoryFileOf(point: Point): string | undefined {
  const { memory } = point.record ?? {};
  return memory === undefined ? undefined : layerPath(point.machine.paths, memory.file);
}
