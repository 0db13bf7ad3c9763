import { readdirSync } from "node:fs";
import { cp, mkdir, rm, stat } from "node:fs/promises";
import { basename, join } from "node:path";
import { type Definition, type LayerMap, type SnapshotRecord, type SnapshotsFile, vivError } from "../../model/index.ts";
import { newLayer, snapshotFolder } from "../layers.ts";
import type { Machine, Operation } from "../machine.ts";
import { makeQcow2 } from "../newImage.ts";
import { syncFolder } from "../storage.ts";
import { freeze } from "./frozen.ts";
import { backingName, type LayerGraph, layerPath } from "./graph.ts";
import { newSuffix, saveRecords } from "./records.ts";

/** One attempt at a snapshot, and what the ways of taking one share: new layers, the TPM's state, the record. */

export interface SnapshotRequest {
  readonly name?: string | undefined;
  readonly note?: string | undefined;
  /** Absent: when the machine runs and its memory can be saved. */
  readonly memory?: boolean | undefined;
  /** Disks only: absent means when the guest's agent answers. */
  readonly quiesce?: boolean | undefined;
  readonly automatic?: boolean;
  /** The guest does not go on afterwards (a restore ends it). */
  readonly hold?: boolean;
}

export interface Attempt {
  readonly machine: Machine;
  readonly request: SnapshotRequest;
  readonly operation: Operation;
  readonly definition: Definition;
  readonly file: SnapshotsFile;
  readonly graph: LayerGraph;
  readonly record: SnapshotRecord;
  readonly folder: string;
}

export function withOverlays(layers: LayerMap, overlays: readonly { readonly key: string; readonly layer: string }[]): LayerMap {
  return { ...layers, ...Object.fromEntries(overlays.map(({ key, layer }) => [key, layer])) };
}

/** Makes the empty layers, on the platter. On an error none is left. */
export async function makeOverlays(
  attempt: Attempt,
  keys: readonly string[],
): Promise<{ key: string; layer: string; virtualBytes: number }[]> {
  const { machine, record, graph } = attempt;
  await mkdir(machine.paths.layers, { recursive: true, mode: 0o700 });
  const made: { key: string; layer: string; virtualBytes: number }[] = [];
  try {
    for (const key of keys) {
      const below = graph.layers.get(record.layers[key] ?? "");
      if (!below) throw vivError("internal", `${machine.name}: nothing is known of the layer of ${key}.`);
      const layer = newLayer(key, newSuffix());
      const virtualBytes = Math.ceil(below.virtualBytes / 512) * 512;
      const backing = { file: backingName(layer, below.name), format: below.format };
      await makeQcow2(layerPath(machine.paths, layer), { virtualBytes, backing }, { durable: true });
      made.push({ key, layer, virtualBytes });
    }
    await syncFolder(machine.paths.layers);
    return made;
  } catch (error) {
    await removeOverlays(machine, made);
    throw error;
  }
}

export async function removeOverlays(machine: Machine, overlays: readonly { readonly layer: string }[]): Promise<void> {
  for (const { layer } of overlays) await rm(layerPath(machine.paths, layer), { force: true }).catch(() => undefined);
}

/** The keys of the disks that get a new layer: read-only ones stay as they are. */
export function writableKeys({ definition, record }: Attempt): string[] {
  const readOnly = new Set(definition.disks.filter((disk) => disk.readOnly).map(({ id }) => id));
  return Object.keys(record.layers).filter((key) => !readOnly.has(key));
}

/** The present is frozen, and the snapshot stands. */
export async function recordFinished(
  machine: Machine,
  file: SnapshotsFile,
  record: SnapshotRecord,
  layers: LayerMap,
): Promise<SnapshotRecord> {
  const names = [...Object.values(record.layers), ...(record.memory ? [record.memory.file] : []), ...tpmFiles(machine, record)];
  // One that is frozen already (a read-only disk) stays known as it was then.
  const unknown = names.filter((name) => layerPath(machine.paths, name) !== name && file.frozen[name] === undefined);
  const frozen = await freeze(machine.paths, unknown);
  await syncFolder(snapshotFolder(machine.paths, record.id));
  if (await stat(machine.paths.snapshots).catch(() => undefined)) await syncFolder(machine.paths.snapshots);
  await saveRecords(machine, {
    ...file,
    snapshots: [...file.snapshots, record],
    current: { parent: record.id, layers },
    frozen: { ...file.frozen, ...frozen },
  });
  return record;
}

function tpmFiles(machine: Machine, { tpm }: SnapshotRecord): string[] {
  return tpm === undefined ? [] : readdirSync(layerPath(machine.paths, tpm)).map((name) => `${tpm}/${name}`);
}

/** The TPM's state, as swtpm left it in the machine's folder. It replaces its files whole. */
export async function keepTpm({ machine, definition, folder }: Attempt): Promise<string | undefined> {
  if (!definition.devices.tpm) return undefined;
  const from = join(machine.paths.folder, "tpm");
  if (!(await stat(from).catch(() => undefined))) return undefined;
  await cp(from, join(folder, "tpm"), { recursive: true, filter: (name) => !basename(name).startsWith(".lock") });
  return `snapshots/${basename(folder)}/tpm`;
}
