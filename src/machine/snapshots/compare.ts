import { readFile } from "node:fs/promises";
import { type Definition, differences, type LayerMap, vivError } from "../../model/index.ts";
import { layersOf, loadSnapshots } from "../layers.ts";
import type { Machine } from "../machine.ts";
import { chainOf, type LayerGraph, layerPath, readGraph } from "./graph.ts";
import { findSnapshot } from "./tree.ts";

/** What is looked at of a snapshot: its picture, and what sets it apart from another one or from the present. */

/** @throws VivError `not-found` when it has none. */
export async function snapshotThumbnail(machine: Machine, snapshot: string): Promise<Buffer> {
  const file = await loadSnapshots(machine.paths);
  const record = file.snapshots.find(({ id }) => id === snapshot) ?? findSnapshot(file, snapshot);
  if (record.thumbnail === undefined)
    throw vivError("not-found", `Snapshot ${record.name} has no picture: the guest had no screen, or did not run.`);
  return readFile(layerPath(machine.paths, record.thumbnail)).catch((cause: unknown) => {
    throw vivError("not-found", `The picture of snapshot ${record.name} is gone.`, undefined, cause);
  });
}

interface Side {
  readonly definition: Definition;
  readonly layers: LayerMap;
}

export interface Comparison {
  readonly definition: { path: string; left: unknown; right: unknown }[];
  readonly leftBytes: number;
  readonly rightBytes: number;
  readonly sharedBytes: number;
}

/** Without `right`: with the present. */
export async function compareSnapshots(machine: Machine, left: string, right: string | undefined): Promise<Comparison> {
  const file = await loadSnapshots(machine.paths);
  const graph = readGraph(machine.paths, file, machine.effectiveDefinition);
  const side = (name: string): Side => {
    const { definition, layers } = findSnapshot(file, name);
    return { definition: definition as Definition, layers };
  };
  const present = (): Side => {
    const definition = machine.effectiveDefinition ?? machine.requireDefinition();
    return { definition, layers: layersOf(definition, file.current.layers) };
  };
  const sides = [side(left), right === undefined ? present() : side(right)] as const;
  const [ofLeft, ofRight] = [layersUnder(graph, sides[0]), layersUnder(graph, sides[1])];
  const sum = (names: Iterable<string>) => [...names].reduce((total, name) => total + (graph.layers.get(name)?.allocatedBytes ?? 0), 0);
  return {
    definition: differences(sides[0].definition, sides[1].definition).map(({ path, before, after }) => ({
      path,
      left: before ?? null,
      right: after ?? null,
    })),
    leftBytes: sum([...ofLeft].filter((name) => !ofRight.has(name))),
    rightBytes: sum([...ofRight].filter((name) => !ofLeft.has(name))),
    sharedBytes: sum([...ofLeft].filter((name) => ofRight.has(name))),
  };
}

function layersUnder(graph: LayerGraph, { layers }: Side): Set<string> {
  return new Set(Object.values(layers).flatMap((layer) => chainOf(graph, layer).map(({ name }) => name)));
}
