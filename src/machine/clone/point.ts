import { randomBytes } from "node:crypto";
import { rm } from "node:fs/promises";
import { isAbsolute } from "node:path";
import { checkDefinition, type Definition, type LayerMap, type SnapshotRecord, type SnapshotsFile, vivError } from "../../model/index.ts";
import { emptyQcow2 } from "../../qemu/index.ts";
import type { Work } from "../host.ts";
import { layersOf, loadSnapshots, newLayer, snapshotFolder } from "../layers.ts";
import type { Machine, Operation } from "../machine.ts";
import { makeQcow2 } from "../newImage.ts";
import { problemWithContent } from "../snapshots/check.ts";
import { takeSnapshot } from "../snapshots/create.ts";
import { freeze, whileLinking } from "../snapshots/frozen.ts";
import { backingName, chainProblem, type LayerGraph, layerPath, readGraph } from "../snapshots/graph.ts";
import { mergeLayers } from "../snapshots/merge.ts";
import { newSuffix, saveRecords, sweep } from "../snapshots/records.ts";
import { findSnapshot } from "../snapshots/tree.ts";
import { makePrivateFolder, syncFolder } from "../storage.ts";

/** Layers in a folder that nobody writes to. */
export interface LayerSource {
  readonly machine: Pick<Machine, "name" | "paths">;
  readonly definition: Definition;
  readonly layers: LayerMap;
  readonly file: SnapshotsFile;
  readonly graph: LayerGraph;
}

/** One moment of a machine that can be copied: its layers stand still while the copy is made. */
export interface Point extends LayerSource {
  readonly machine: Machine;
  /** Relative to the machine's folder. */
  readonly tpm: string | undefined;
  /** Absent: the present. */
  readonly record?: SnapshotRecord;
}

export interface PointRequest {
  /** Name or id; absent: the present. */
  readonly snapshot?: string | undefined;
  /** The layers stay shared, so the machine must never write to them again. */
  readonly linked: boolean;
  /** With the memory of that moment: the machine runs, or the snapshot has it. */
  readonly memory?: boolean;
}

/** Automatic snapshots that only hold layers while something is copied. */
const jointPrefix = "before-copy-";

/**
 * Runs `use` with a moment of the machine that stands still. The present of a running machine, and one that is to be
 * shared, is frozen by new layers over it; no snapshot of that is left. The machine runs on.
 * @throws VivError `not-found` (snapshot), `damaged`, and what taking a snapshot throws.
 */
export function withPoint<T>(
  machine: Machine,
  kind: "clone" | "export" | "template",
  request: PointRequest,
  work: Work,
  use: (point: Point, operation: Operation) => Promise<T>,
): Promise<T> {
  return machine.operate(kind, work, async (operation) => {
    const linking = (point: Point) => whileLinking(machine, () => use(point, operation));
    if (request.snapshot !== undefined) return linking(await pointOfSnapshot(machine, request.snapshot, operation));
    const still = machine.state.run ? undefined : await stillPoint(machine, request.linked, operation);
    if (still) return linking(still);
    const joint = await takeSnapshot(
      machine,
      { name: `${jointPrefix}${randomBytes(3).toString("hex")}`, memory: request.memory ?? false, automatic: true },
      operation,
    );
    try {
      return await linking(await pointOf(machine, joint));
    } finally {
      await dropJoints(machine, request.linked ? undefined : operation);
    }
  });
}

/** The present of a machine that does not run. To be shared it is frozen, unless it has not changed since its last layer. */
async function stillPoint(machine: Machine, linked: boolean, operation: Operation): Promise<Point> {
  await machine.refreshDefinition();
  const definition = machine.requireDefinition();
  const file = await loadSnapshots(machine.paths);
  const graph = readGraph(machine.paths, file, definition);
  const present = withoutMissing(definition, layersOf(definition, file.current.layers), graph);
  const point: Point = { machine, definition, layers: present, tpm: definition.devices.tpm ? "tpm" : undefined, file, graph };
  requireSound(point);
  if (!linked) return point;
  const layers = frozenBelow(definition, present, graph);
  return layers ? { ...point, layers } : freezePresent(point, operation);
}

/** New layers over the present's, which nobody writes to from then on. Before the record names them nothing has changed. */
async function freezePresent(point: Point, operation: Operation): Promise<Point> {
  const { machine, definition, file, graph } = point;
  requireInside(point);
  await operation.step("making layers", { record: {} });
  await makePrivateFolder(machine.paths.layers);
  const readOnly = new Set(definition.disks.filter((disk) => disk.readOnly).map(({ id }) => id));
  const written = Object.entries(point.layers).filter(([key]) => !readOnly.has(key));
  const fresh = Object.fromEntries(written.map(([key]) => [key, newLayer(key, newSuffix())]));
  try {
    await Promise.all(
      written.map(([key, below]) => {
        const name = fresh[key] ?? "";
        const lower = graph.layers.get(below);
        if (!lower) throw vivError("damaged", `${machine.name}: ${below} is missing.`);
        const backing = { file: backingName(name, below), format: lower.format };
        return makeQcow2(layerPath(machine.paths, name), { virtualBytes: lower.virtualBytes, backing }, { durable: true });
      }),
    );
    await syncFolder(machine.paths.layers);
    const frozen = await freeze(machine.paths, Object.values(point.layers));
    const next = {
      ...file,
      current: { ...file.current, layers: { ...file.current.layers, ...fresh } },
      frozen: { ...file.frozen, ...frozen },
    };
    return { ...point, file: await saveRecords(machine, next) };
  } catch (error) {
    for (const name of Object.values(fresh)) await rm(layerPath(machine.paths, name), { force: true }).catch(() => undefined);
    throw error;
  }
}

/** @throws VivError `host-cannot` for a disk that lies somewhere else: its file is not ours to freeze. */
export function requireInside({ machine, layers }: Pick<LayerSource, "machine" | "layers">): void {
  const outside = Object.entries(layers).find(([, layer]) => isAbsolute(layer));
  if (!outside) return;
  throw vivError(
    "host-cannot",
    `${machine.name}: disk ${outside[0]} lies outside its folder (${outside[1]}), so a clone cannot share it safely.`,
    "Make a full clone.",
  );
}

/** A UEFI machine that never ran may have no variables yet. */
function withoutMissing(definition: Definition, layers: LayerMap, graph: LayerGraph): LayerMap {
  const disks = new Set(definition.disks.map(({ id }) => id));
  return Object.fromEntries(Object.entries(layers).filter(([key, layer]) => disks.has(key) || graph.layers.has(layer)));
}

/** What is under the present's layers, when nothing was ever written to these. */
function frozenBelow(definition: Definition, present: LayerMap, graph: LayerGraph): LayerMap | undefined {
  const readOnly = new Set(definition.disks.filter((disk) => disk.readOnly).map(({ id }) => id));
  const below: LayerMap = {};
  for (const [key, name] of Object.entries(present)) {
    const layer = graph.layers.get(name);
    const lower = layer?.backing?.layer;
    if (readOnly.has(key)) below[key] = name;
    else if (layer && lower !== undefined && isEmpty(layer)) below[key] = lower;
    else return undefined;
  }
  return below;
}

/** The file is no longer than it was made. */
function isEmpty({ virtualBytes, fileBytes, backing }: NonNullable<ReturnType<LayerGraph["layers"]["get"]>>): boolean {
  if (!backing) return false;
  return fileBytes <= emptyQcow2({ virtualBytes, backing: { file: backing.written, format: backing.format } }).length;
}

async function pointOfSnapshot(machine: Machine, snapshot: string, operation: Operation): Promise<Point> {
  const file = await loadSnapshots(machine.paths);
  const record = findSnapshot(file, snapshot);
  const graph = readGraph(machine.paths, file, machine.effectiveDefinition);
  const problem = await problemWithContent(machine, file, graph, record, operation);
  if (problem)
    throw vivError(
      "damaged",
      `${machine.name}: the snapshot ${record.name} cannot be used: ${problem}.`,
      "Restore the file from a backup.",
    );
  return pointOf(machine, record);
}

async function pointOf(machine: Machine, record: SnapshotRecord): Promise<Point> {
  const file = await loadSnapshots(machine.paths);
  const checked = checkDefinition(record.definition);
  if (!("definition" in checked)) throw vivError("damaged", `${machine.name}: the definition kept with ${record.name} cannot be read.`);
  const graph = readGraph(machine.paths, file, checked.definition);
  return requireSound({ machine, definition: checked.definition, layers: record.layers, tpm: record.tpm, file, graph, record });
}

function requireSound(point: Point): Point {
  for (const layer of Object.values(point.layers)) {
    const problem = chainProblem(point.graph, layer);
    if (problem) throw vivError("damaged", `${point.machine.name}: ${problem}.`, "Restore the file from a backup.");
  }
  return point;
}

/**
 * Forgets the joints. With `operation` their layers are merged again, unless somebody shares them. Also called by the
 * next vivd, for one that died meanwhile.
 */
export async function dropJoints(machine: Machine, operation?: Operation): Promise<void> {
  const file = await loadSnapshots(machine.paths);
  const joints = file.snapshots.filter(({ name, automatic }) => automatic && name.startsWith(jointPrefix));
  if (joints.length === 0) return;
  let next = file;
  for (const joint of joints) {
    const { parent: _old, ...current } = next.current;
    const parent = next.current.parent === joint.id ? joint.parent : next.current.parent;
    next = {
      ...next,
      snapshots: next.snapshots.filter(({ id }) => id !== joint.id),
      current: { ...current, ...(parent === undefined ? {} : { parent }) },
    };
  }
  await saveRecords(machine, next);
  for (const { id } of joints) await rm(snapshotFolder(machine.paths, id), { recursive: true, force: true });
  if (!operation) return;
  // What was copied is done; layers that could not be merged now wait for the next prune.
  await sweep(machine, next);
  await mergeLayers(machine, operation).catch((error: Error) =>
    machine.host.notice(machine, "warning", `Its layers could not be merged again: ${error.message}`, "viv prune does it later."),
  );
}
