import type { DiskImageFormat } from "./imageHeaders/index.ts";
import { command, type ImageCommand, nothing, parseCheck } from "./images.ts";

/**
 * What we ask of qemu-img about an image that is not ours, after its header was read by us (imageHeaders/). It is named
 * by the whole block graph: driver, the one file, a part of it, no backing file. Nothing is left to find out.
 */
export interface ForeignImage {
  /** Absolute. */
  readonly file: string;
  readonly format: DiskImageFormat;
  /** A part of the file: a member of an OVA. */
  readonly part?: { readonly offset: number; readonly bytes: number };
}

export type ExportFormat = "qcow2" | "raw" | "vmdk" | "vdi";

export interface ImageTarget {
  /** Absolute. */
  readonly file: string;
  readonly format: ExportFormat;
  /** vmdk for an OVA: compressed, in one stream. */
  readonly streamOptimized?: boolean;
}

/** A whole copy. `-p` writes `(12.34/100%)` to stdout: see `convertPercent`. */
export function convertForeign(from: ForeignImage, to: ImageTarget): ImageCommand<void> {
  return command(["convert", "-p", "-O", to.format, ...targetOptions(to), graph(from), to.file], nothing);
}

/**
 * A whole copy of a chain of our own layers.
 * @param layers the current one first; read from top to bottom, none looked for
 */
export function convertChain(layers: readonly [OwnLayer, ...OwnLayer[]], to: ImageTarget): ImageCommand<void> {
  return command(["convert", "-p", "-O", to.format, ...targetOptions(to), chainGraph(layers), to.file], nothing);
}

export interface OwnLayer {
  readonly file: string;
  readonly format: "qcow2" | "raw";
}

/** As `checkImage` for every format that qemu-img can check: qcow2, vdi, vmdk, vhdx. */
export function checkForeign(image: ForeignImage): ReturnType<typeof checkCommand> {
  return checkCommand(graph(image));
}

function checkCommand(name: string) {
  return command(["check", "--output=json", name], parseCheck, [0, 2, 3]);
}

function targetOptions({ format, streamOptimized }: ImageTarget): string[] {
  return format === "vmdk" && streamOptimized ? ["-o", "subformat=streamOptimized"] : [];
}

function graph({ file, format, part }: ForeignImage): string {
  const protocol = { driver: "file", filename: file };
  const bytes = part === undefined ? protocol : { driver: "raw", offset: part.offset, size: part.bytes, file: protocol };
  return `json:${JSON.stringify({
    driver: format === "iso" ? "raw" : format,
    ...(format === "qcow2" ? { backing: null } : {}),
    // Otherwise the geometry counts, which may be smaller than the disk.
    ...(format === "vpc" ? { force_size_calc: "current_size" } : {}),
    file: bytes,
  })}`;
}

function chainGraph(layers: readonly OwnLayer[]): string {
  const node = layers.reduceRight<Record<string, unknown> | null>(
    (backing, { file, format }) => ({
      driver: format,
      ...(format === "qcow2" ? { backing } : {}),
      file: { driver: "file", filename: file },
    }),
    null,
  );
  return `json:${JSON.stringify(node)}`;
}
