import { join } from "node:path";
import { type Definition, type Disk, type LayerMap, nvramKey, SnapshotsFile, vivError } from "../model/index.ts";
import { inFolder, type MachinePaths } from "./folder.ts";
import { readTextIfPresent, writeFileAtomically } from "./storage.ts";

/** A machine's snapshots and where its disks are now (`snapshots.json`, see model/snapshots.ts). */

/** @throws VivError `damaged` for a file that cannot be used: starting on the wrong layer would lose what came after. */
export async function loadSnapshots(paths: MachinePaths): Promise<SnapshotsFile> {
  const text = await readTextIfPresent(paths.snapshotsFile);
  if (text === undefined) return { schema: 1, snapshots: [], current: { layers: {} }, frozen: {} };
  try {
    return SnapshotsFile.parse(JSON.parse(text));
  } catch (cause) {
    throw vivError(
      "damaged",
      `${paths.snapshotsFile} cannot be read: nobody can say which disks are the current ones.`,
      "Restore the file from a copy; nothing was changed.",
      cause,
    );
  }
}

export async function saveSnapshots(paths: MachinePaths, file: SnapshotsFile, options = { durable: true }): Promise<void> {
  await writeFileAtomically(paths.snapshotsFile, `${JSON.stringify(file, null, 2)}\n`, options);
}

export interface CurrentImage {
  /** Absolute. */
  readonly file: string;
  readonly format: "qcow2" | "raw";
}

/** The image a disk is in now. What was laid over vm.json's file is always qcow2. */
export function currentImage(paths: MachinePaths, layers: LayerMap, disk: Pick<Disk, "id" | "file" | "format">): CurrentImage {
  const layer = layers[disk.id];
  if (layer === undefined || layer === disk.file) return { file: inFolder(paths.folder, disk.file), format: disk.format };
  return { file: inFolder(paths.folder, layer), format: "qcow2" };
}

/** Where the firmware's variables are when no snapshot has laid anything over them; undefined for a machine without UEFI. */
export function nvramBase(definition: Definition): { key: string; file: string } | undefined {
  const { type } = definition.firmware;
  if (type !== "uefi" && type !== "uefi-secure") return undefined;
  return { key: nvramKey(type), file: type === "uefi" ? "nvram.qcow2" : "nvram-secure.qcow2" };
}

/** The layer of every disk of a definition that the guest writes to, and of its firmware's variables. */
export function layersOf(definition: Definition, current: LayerMap): LayerMap {
  const layers: LayerMap = {};
  for (const disk of definition.disks) layers[disk.id] = current[disk.id] ?? disk.file;
  const nvram = nvramBase(definition);
  if (nvram) layers[nvram.key] = current[nvram.key] ?? nvram.file;
  return layers;
}

/** Where new layers go: `layers/<disk>-<six hexadecimal digits>.qcow2`. */
export function newLayer(disk: string, randomHex: string): string {
  return `layers/${disk}-${randomHex}.qcow2`;
}

/** A snapshot's own folder: memory, thumbnail, the TPM's state. */
export function snapshotFolder(paths: MachinePaths, id: string): string {
  return join(paths.snapshots, id);
}
