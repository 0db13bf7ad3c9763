import { loadSnapshots } from "../layers.ts";
import type { Machine } from "../machine.ts";
import { layersInFolder, readGraph } from "./graph.ts";
import { nextMergeOf } from "./merge.ts";
import { neededLayers } from "./records.ts";
import { unneededRootImages } from "./rootImages.ts";

/**
 * What a crash or a clone left among the layers: ones that nobody stands on, which emptying deletes, and ones that nobody
 * is in, which it merges. What a merge frees is only known afterwards, so it counts as nothing.
 */
export async function spareLayers(machine: Machine): Promise<{ layers: number; bytes: number }> {
  if (machine.definition === undefined) return { layers: 0, bytes: 0 };
  const file = await loadSnapshots(machine.paths);
  const graph = readGraph(machine.paths, file, machine.effectiveDefinition);
  // What stands on an unreadable layer cannot be known.
  if (graph.problems.size > 0) return { layers: 0, bytes: 0 };
  const needed = neededLayers(machine, file);
  const unneeded = layersInFolder(machine.paths).flatMap((name) => (needed.has(name) ? [] : [graph.layers.get(name)]));
  const bytes = unneeded.reduce((sum, layer) => sum + (layer?.links === 1 ? layer.allocatedBytes : 0), 0);
  const roots = await unneededRootImages(machine, file);
  const rootBytes = roots.reduce((sum, image) => sum + image.bytes, 0);
  return { layers: unneeded.length + roots.length + (nextMergeOf(machine, file) ? 1 : 0), bytes: bytes + rootBytes };
}
