import { statSync } from "node:fs";
import { lstat, realpath } from "node:fs/promises";
import { dirname, relative, resolve, sep } from "node:path";
import { asVivError, type Definition, type Disk, type SnapshotsFile } from "../../model/index.ts";
import type { Qcow2Header } from "../../qemu/index.ts";
import { inFolder, type MachinePaths } from "../folder.ts";
import { type CurrentImage, currentImage } from "../layers.ts";
import { readHeader } from "./layout.ts";

/** One image file of a disk's chain, as it lies on the host. Nothing here starts a program. */
export interface Layer {
  /** Absolute. */
  readonly file: string;
  /** Relative to the machine's folder, with `/`; absolute for an image of the home's store. */
  readonly name: string;
  readonly format: "qcow2" | "raw";
  readonly virtualBytes: number;
  /** Bytes of the host it takes; holes do not count. */
  readonly allocatedBytes: number;
  /** Used by others too: an image of the store, or a file with several names (a linked clone's). */
  readonly shared: boolean;
  readonly header?: Qcow2Header;
}

/** Longest chain that is followed. */
const chainLimit = 64;

/** A disk's layers, the current one first; where the chain breaks, `problem` says how. An image marked as corrupt is listed. */
export async function layersOfDisk(
  paths: MachinePaths,
  disk: Pick<Disk, "id" | "file" | "format">,
  snapshots: SnapshotsFile,
): Promise<{ layers: Layer[]; problem?: string }> {
  return chainOf(paths, disk, currentImage(paths, snapshots.current.layers, disk));
}

export async function chainOf(
  paths: MachinePaths,
  disk: Pick<Disk, "id">,
  top: CurrentImage,
): Promise<{ layers: Layer[]; problem?: string }> {
  const layers: Layer[] = [];
  let next: CurrentImage | undefined = top;
  try {
    while (next && layers.length < chainLimit) {
      const layer: Layer = await layerAt(paths, disk, next);
      layers.push(layer);
      const { header } = layer;
      next =
        header?.backingFile === undefined
          ? undefined
          : { file: resolve(dirname(layer.file), header.backingFile), format: header.backingFormat === "raw" ? "raw" : "qcow2" };
    }
  } catch (error) {
    return { layers, problem: asVivError(error).message };
  }
  return next ? { layers, problem: `its chain is longer than ${chainLimit} layers` } : { layers };
}

async function layerAt(paths: MachinePaths, disk: Pick<Disk, "id">, { file, format }: CurrentImage): Promise<Layer> {
  const header = format === "qcow2" ? await readHeader(disk, file, { evenCorrupt: true }) : undefined;
  const found = statSync(file);
  return {
    file,
    name: nameIn(paths.folder, file),
    format,
    virtualBytes: header?.virtualBytes ?? found.size,
    allocatedBytes: found.blocks === undefined ? found.size : found.blocks * 512,
    shared: !isInside(paths.folder, file) || found.nlink > 1,
    ...(header ? { header } : {}),
  };
}

export function isInside(folder: string, file: string): boolean {
  return file.startsWith(folder + sep);
}

function nameIn(folder: string, file: string): string {
  return isInside(folder, file) ? relative(folder, file).split(sep).join("/") : file;
}

/**
 * The machine's own files that only this disk's present needs: not its snapshots (removed ones can come back), not
 * another disk. What is outside the folder, or is no plain file, is never among them.
 */
export async function filesOfDisk(machine: MachinePaths, definition: Definition, disk: Disk, snapshots: SnapshotsFile): Promise<string[]> {
  const others = definition.disks.filter(({ id }) => id !== disk.id);
  const tops = [
    ...others.map((other) => currentImage(machine, snapshots.current.layers, other)),
    ...snapshots.snapshots.flatMap(({ layers }) =>
      Object.values(layers).map((file): CurrentImage => ({ file: inFolder(machine.folder, file), format: "qcow2" })),
    ),
  ];
  const needed = new Set<string>();
  for (const top of tops) {
    needed.add(await real(top.file));
    for (const layer of (await chainOf(machine, disk, top)).layers) needed.add(await real(layer.file));
  }
  const { layers } = await layersOfDisk(machine, disk, snapshots);
  const own: string[] = [];
  for (const { file } of layers) {
    const plain = isInside(machine.folder, file) && (await lstat(file).catch(() => undefined))?.isFile() === true;
    if (plain && !needed.has(await real(file))) own.push(file);
  }
  return own;
}

async function real(file: string): Promise<string> {
  return realpath(file).catch(() => file);
}
