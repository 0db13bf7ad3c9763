import { type Definition, type Disk, type DiskLimits, type SnapshotsFile, vivError } from "../../model/index.ts";
import { loadSnapshots } from "../layers.ts";
import type { Machine } from "../machine.ts";
import { type Layer, layersOfDisk } from "./chain.ts";
import { reclaimableBytes } from "./reclaimable.ts";

/** A disk as `disk.list` shows it; see DiskDetails of the API. */
export interface DiskFacts {
  readonly id: string;
  readonly bus: string;
  /** Of the current layer. */
  readonly format: string;
  readonly file: string;
  readonly readOnly: boolean;
  readonly virtualBytes: number;
  readonly allocatedBytes: number;
  readonly sharedBytes: number;
  readonly reclaimableBytes: number | null;
  readonly layers: readonly {
    readonly file: string;
    readonly format: string;
    readonly virtualBytes: number;
    readonly allocatedBytes: number;
    readonly shared: boolean;
    readonly snapshots: string[];
  }[];
  readonly limits: Required<{ [K in keyof DiskLimits]: number }>;
  readonly attached: boolean;
  readonly problem?: string;
}

/** Every disk of vm.json, and what the running guest has beyond it. Reads headers; starts no program. @throws VivError `damaged`. */
export async function listDisks(machine: Machine): Promise<DiskFacts[]> {
  await machine.refreshDefinition();
  const running = machine.state.run?.definition as Definition | undefined;
  if (!running) machine.requireDefinition();
  const listed = machine.definition?.disks ?? [];
  const extra = (running?.disks ?? []).filter(({ id }) => listed.every((disk) => disk.id !== id));
  const snapshots = await loadSnapshots(machine.paths);
  return Promise.all([...listed, ...extra].map((disk) => describe(machine, disk, running, snapshots)));
}

/** @throws VivError `not-found`, with the disks there are. */
export async function diskFacts(machine: Machine, id: string): Promise<DiskFacts> {
  const disks = await listDisks(machine);
  return disks.find((disk) => disk.id === id) ?? raiseUnknown(machine, id, disks);
}

/** A disk of vm.json. @throws VivError `not-found`. */
export function requireDisk(machine: Machine, id: string): { disk: Disk; index: number; definition: Definition } {
  const definition = machine.requireDefinition();
  const index = definition.disks.findIndex((disk) => disk.id === id);
  const disk = definition.disks[index];
  return disk ? { disk, index, definition } : raiseUnknown(machine, id, definition.disks);
}

function raiseUnknown(machine: Machine, id: string, disks: readonly { id: string }[]): never {
  const there = disks.map((disk) => disk.id).join(", ");
  throw vivError(
    "not-found",
    `${machine.name} has no disk ${JSON.stringify(id)}.`,
    there === "" ? "It has none at all." : `It has: ${there}.`,
  );
}

async function describe(machine: Machine, disk: Disk, running: Definition | undefined, snapshots: SnapshotsFile): Promise<DiskFacts> {
  const { layers, problem } = await layersOfDisk(machine.paths, disk, snapshots);
  const top = layers[0];
  const limits = disk.limits ?? {};
  return {
    id: disk.id,
    bus: disk.bus,
    format: top?.format ?? disk.format,
    file: top?.name ?? disk.file,
    readOnly: disk.readOnly,
    virtualBytes: top?.virtualBytes ?? 0,
    allocatedBytes: total(layers),
    sharedBytes: total(layers.filter(({ shared }) => shared)),
    reclaimableBytes: running || top === undefined ? null : await reclaimableBytes(top),
    layers: layers.map(({ file: _file, header: _header, name, ...layer }) => ({
      file: name,
      ...layer,
      snapshots: snapshotsIn(name, disk, snapshots),
    })),
    limits: {
      readBytesPerSecond: limits.readBytesPerSecond ?? 0,
      writeBytesPerSecond: limits.writeBytesPerSecond ?? 0,
      readsPerSecond: limits.readsPerSecond ?? 0,
      writesPerSecond: limits.writesPerSecond ?? 0,
    },
    attached: running?.disks.some(({ id }) => id === disk.id) ?? false,
    ...(problem === undefined ? {} : { problem }),
  };
}

function total(layers: readonly Layer[]): number {
  return layers.reduce((sum, layer) => sum + layer.allocatedBytes, 0);
}

function snapshotsIn(name: string, disk: Disk, { snapshots }: SnapshotsFile): string[] {
  return snapshots
    .filter((snapshot) => snapshot.layers[disk.id] === name && snapshot.removedAt === undefined)
    .map((snapshot) => snapshot.name);
}
