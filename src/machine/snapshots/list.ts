import { statSync } from "node:fs";
import type { LayerMap, SnapshotRecord, SnapshotsFile } from "../../model/index.ts";
import { layersOf, loadSnapshots } from "../layers.ts";
import type { Machine } from "../machine.ts";
import { memoryBlockers } from "./blockers.ts";
import { filesOf } from "./files.ts";
import { type Standing, standingOf } from "./frozen.ts";
import { chainOf, chainProblem, type LayerGraph, layerPath, readGraph } from "./graph.ts";
import { loadHashes } from "./hashes.ts";
import { internalSnapshots } from "./internal.ts";
import { familyOf, findSnapshot, parentsFirst } from "./tree.ts";

/** A snapshot as it looks from outside: the record, and what the files say. */
export interface SnapshotFacts {
  readonly record: SnapshotRecord;
  readonly parent: string | undefined;
  readonly ownBytes: number;
  readonly memoryBytes: number | undefined;
  readonly current: boolean;
  readonly children: number;
  readonly depth: number;
  readonly problem: string | undefined;
}

export interface SnapshotsFacts {
  readonly snapshots: readonly SnapshotFacts[];
  readonly current: string | undefined;
  readonly currentBytes: number;
  readonly removedBytes: number;
  readonly memoryBlocked: readonly string[];
  readonly internal: readonly { disk: string; id: string; name: string; createdAt: string; memoryBytes: number }[];
}

/**
 * The snapshots of a machine with sizes. Headers and file sizes only: nothing is started, so a hundred of them take
 * milliseconds. `live` also asks QEMU what stands in the way of saving memory.
 */
export async function listSnapshots(machine: Machine, options: { removed?: boolean; live?: boolean } = {}): Promise<SnapshotsFacts> {
  const file = await loadSnapshots(machine.paths);
  const definition = machine.effectiveDefinition;
  const graph = readGraph(machine.paths, file, definition);
  const session = options.live && machine.session?.responding ? machine.session : undefined;
  const current = definition ? layersOf(definition, file.current.layers) : file.current.layers;
  const uses = countUses(file, current);
  const family = familyOf(file);
  const standings = standingsOf(machine, file);
  const present = family.parentOf(file.current.parent);
  const shown = parentsFirst(file).filter((record) => options.removed || record.removedAt === undefined);
  return {
    snapshots: shown.map((record) => factsOf(machine, graph, record, { file, uses, family, standings, present })),
    current: present,
    currentBytes: layerBytes(
      graph,
      Object.values(current).filter((layer) => uses.get(layer) === 1),
    ),
    removedBytes: removedBytes(machine, file, graph, current),
    memoryBlocked: session ? await memoryBlockers(machine, session).catch(() => []) : [],
    internal: definition ? internalSnapshots(machine, definition, current) : [],
  };
}

export async function snapshotFacts(machine: Machine, id: string): Promise<SnapshotFacts> {
  const { snapshots } = await listSnapshots(machine, { removed: true });
  const found = snapshots.find(({ record }) => record.id === id);
  if (!found) throw new Error(`snapshot ${id} is gone`);
  return found;
}

/** The id of a snapshot by its name or id. @throws VivError `not-found` */
export async function snapshotId(machine: Machine, nameOrId: string): Promise<string> {
  return findSnapshot(await loadSnapshots(machine.paths), nameOrId).id;
}

/** What is found out once for all snapshots. */
interface Known {
  readonly file: SnapshotsFile;
  readonly uses: ReadonlyMap<string, number>;
  readonly family: ReturnType<typeof familyOf>;
  readonly standings: (name: string) => Standing | undefined;
  readonly present: string | undefined;
}

function factsOf(machine: Machine, graph: LayerGraph, record: SnapshotRecord, known: Known): SnapshotFacts {
  const own = Object.values(record.layers).filter((layer) => known.uses.get(layer) === 1);
  const memory = record.memory && fileBytes(layerPath(machine.paths, record.memory.file));
  return {
    record,
    parent: known.family.parentOf(record.parent),
    ownBytes: layerBytes(graph, own) + (memory ?? 0),
    memoryBytes: record.memory ? (memory ?? 0) : undefined,
    current: known.present === record.id,
    children: known.family.children.get(record.id)?.length ?? 0,
    depth: chainDepth(graph, record.layers),
    problem: problemWith(machine, graph, record, known),
  };
}

/** Looks at each file once, however many snapshots stand on it. */
function standingsOf(machine: Machine, file: SnapshotsFile): Known["standings"] {
  const found = new Map<string, Standing | undefined>();
  const hashes = loadHashes(machine.paths);
  return (name) => {
    if (!found.has(name)) found.set(name, standingOf(machine.paths, file, hashes, name));
    return found.get(name);
  };
}

/** Why a snapshot cannot be restored, as far as headers and what the file system says tell. */
export function problemOf(machine: Machine, file: SnapshotsFile, graph: LayerGraph, record: SnapshotRecord): string | undefined {
  return problemWith(machine, graph, record, { file, standings: standingsOf(machine, file) });
}

function problemWith(
  machine: Machine,
  graph: LayerGraph,
  record: SnapshotRecord,
  { file, standings }: Pick<Known, "file" | "standings">,
): string | undefined {
  const missing = Object.values(record.layers).flatMap((layer) => chainProblem(graph, layer) ?? []);
  if (missing.length > 0) return missing[0];
  for (const name of filesOf(graph, file, record)) {
    const found = standings(name);
    if (found?.is === "altered" || found?.is === "missing") return `${name} ${found.how}`;
  }
  const { memory, tpm } = record;
  const bytes = memory && fileSize(layerPath(machine.paths, memory.file));
  if (memory && bytes !== memory.bytes)
    return `${memory.file} ${bytes === undefined ? "is missing" : `has ${bytes} bytes instead of ${memory.bytes}`}`;
  return tpm !== undefined && fileSize(layerPath(machine.paths, tpm)) === undefined ? `${tpm} is missing` : undefined;
}

/** Layers down to the base; the deepest disk counts. */
export function chainDepth(graph: LayerGraph, layers: LayerMap): number {
  return Math.max(0, ...Object.values(layers).map((layer) => chainOf(graph, layer).length));
}

/** How many snapshots (the present is one) are in each layer. */
function countUses(file: SnapshotsFile, current: LayerMap): Map<string, number> {
  const uses = new Map<string, number>();
  const count = (layer: string) => uses.set(layer, (uses.get(layer) ?? 0) + 1);
  for (const each of file.snapshots) for (const layer of Object.values(each.layers)) count(layer);
  for (const layer of Object.values(current)) count(layer);
  return uses;
}

function layerBytes(graph: LayerGraph, names: readonly string[]): number {
  return names.reduce((sum, name) => sum + (graph.layers.get(name)?.allocatedBytes ?? 0), 0);
}

/** What emptying frees at least: layers that no one else stands on, and saved memory. What a merge frees shows only then. */
function removedBytes(machine: Machine, file: SnapshotsFile, graph: LayerGraph, current: LayerMap): number {
  const staying = file.snapshots.filter((each) => each.removedAt === undefined || each.id === machine.state.suspended?.snapshot);
  const needed = new Set<string>();
  const { definition } = machine;
  const tops = [...Object.values(current), ...(definition?.disks ?? []).map(({ file: base }) => base)];
  for (const layers of [...tops, ...staying.flatMap((each) => Object.values(each.layers))])
    for (const { name } of chainOf(graph, layers)) needed.add(name);
  const layers = [...graph.layers.values()].filter(({ name, links }) => !needed.has(name) && links <= 1);
  const memory = file.snapshots
    .filter((each) => !staying.includes(each))
    .map((each) => (each.memory ? (fileBytes(layerPath(machine.paths, each.memory.file)) ?? 0) : 0));
  return [...layers.map(({ allocatedBytes }) => allocatedBytes), ...memory].reduce((sum, bytes) => sum + bytes, 0);
}

function fileBytes(path: string): number | undefined {
  const facts = statSync(path, { throwIfNoEntry: false });
  return facts && (facts.blocks === undefined ? facts.size : facts.blocks * 512);
}

function fileSize(path: string): number | undefined {
  return statSync(path, { throwIfNoEntry: false })?.size;
}

/** How much of the machine's state it holds, as a person says it. */
export function consistencyText(record: SnapshotRecord): string {
  switch (record.consistency) {
    case "memory":
      return "with memory: the guest goes on where it was";
    case "quiesced":
      return "disks, with the guest's file systems at rest";
    case "crash-consistent":
      return "disks, as after a power cut";
    case "stopped":
      return "disks of a machine that was off";
  }
}
