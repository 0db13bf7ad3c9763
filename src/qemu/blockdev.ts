import { type Definition, type Disk, diskSlot, vivError } from "../model/index.ts";
import { machineFile } from "./paths.ts";
import type { BackingImage, DiskIo, DiskLayout, LaunchContext } from "./types.ts";
import { type JsonObject, option } from "./words.ts";

/**
 * The block graph of a disk: format node over file node, every driver named, every backing image listed.
 * QEMU probes nothing and follows no header: a guest can write a qcow2 header into a raw disk (docs/traps.md §7).
 */

/** Names of one disk inside QEMU. A dot cannot be in a disk's id, so no two disks ever meet. */
export interface DiskNames {
  /** Node of the image's format: what snapshots and block jobs name. The disk's id where it fits. */
  readonly node: string;
  /** Node of the file itself. */
  readonly fileNode: string;
  /** The guest's device. */
  readonly device: string;
  /** Serial number in the guest. */
  readonly serial: string;
}

/** Node names end at 31 bytes, serial numbers of virtio, SATA and NVMe at 20; a longer id is cut and told apart by its slot. */
export function diskNames(disk: Pick<Disk, "id" | "slot">, index: number): DiskNames {
  const key = disk.id.length <= 20 ? disk.id : `${disk.id.slice(0, 17)}.${diskSlot(disk, index)}`;
  return { node: key, fileNode: `${key}.file`, device: `${key}-device`, serial: key };
}

/** `-blockdev` for each disk. */
export function diskNodes(definition: Definition, context: LaunchContext): string[] {
  return definition.disks.flatMap((disk, index) => option("-blockdev", diskNode(disk, index, context)));
}

/** What building a disk's nodes asks of the launch context; hot-plugging has no more. */
export type DiskContext = Pick<LaunchContext, "platform" | "machineDirectory" | "diskIo" | "disks" | "detectZeroes">;

/** The node of a disk, for `-blockdev` and `blockdev-add`. */
export function diskNode(disk: Disk, index: number, context: DiskContext): JsonObject {
  const names = diskNames(disk, index);
  const layout = layoutOf(disk, context);
  const format = layout.format ?? disk.format;
  return {
    driver: format,
    "node-name": names.node,
    "read-only": disk.readOnly,
    discard: "unmap",
    "detect-zeroes": context.detectZeroes && !disk.readOnly && format === "qcow2" ? "unmap" : undefined,
    cache: cache(context.diskIo),
    ...(format === "qcow2"
      ? { "l2-cache-size": l2CacheBytes(layout.virtualBytes, context), backing: backing(layout.backingChain, names, context) }
      : {}),
    file: {
      ...fileNode(names.fileNode, machineFile(context, layout.file ?? disk.file), context.diskIo),
      "read-only": disk.readOnly,
      discard: "unmap",
    },
  };
}

function layoutOf(disk: Disk, context: DiskContext): DiskLayout {
  const layout = context.disks[disk.id];
  if (layout !== undefined) return layout;
  if (disk.format === "raw") return { backingChain: [] };
  throw vivError("internal", `Disk “${disk.id}” was started without its backing chain.`);
}

/**
 * The node of a layer that a live snapshot lays over a disk, for `blockdev-add`. `backing: null`: it gets the node of
 * the running layer when it is put on.
 */
export function overlayNode(
  node: string,
  image: { readonly file: string; readonly virtualBytes: number },
  context: Pick<LaunchContext, "platform" | "diskIo">,
): JsonObject & { driver: string; "node-name": string } {
  return {
    driver: "qcow2",
    "node-name": node,
    discard: "unmap",
    cache: cache(context.diskIo),
    "l2-cache-size": l2CacheBytes(image.virtualBytes, context),
    backing: null,
    file: { ...fileNode(`${node}.file`, image.file, context.diskIo), discard: "unmap" },
  };
}

/**
 * Backing images from the top down, each inside the one above; read-only, and the last one stands alone. Their files
 * open for reading until a merge writes into one (`auto-read-only`): a file node that is read-only by name never could.
 */
export function backing(
  chain: readonly BackingImage[],
  names: Pick<DiskNames, "node">,
  context: Pick<DiskContext, "platform" | "machineDirectory" | "diskIo">,
  depth = 1,
): JsonObject | null {
  const [image, ...below] = chain;
  if (image === undefined) return null;
  const node = `${names.node}.base${depth}`;
  return {
    driver: image.format,
    "node-name": node,
    "read-only": true,
    cache: cache(context.diskIo),
    ...(image.format === "qcow2"
      ? { "l2-cache-size": l2CacheBytes(image.virtualBytes, context), backing: backing(below, names, context, depth + 1) }
      : {}),
    file: { ...fileNode(`${node}.f`, machineFile(context, image.file), context.diskIo), "auto-read-only": true },
  };
}

function fileNode(name: string, filename: string, io: DiskIo): JsonObject {
  return { driver: "file", "node-name": name, filename, aio: io.aio, cache: cache(io) };
}

/**
 * May zero detection and guest discards meet? A discard that raced a write to a preallocated zero cluster lost the
 * write, until QEMU 10.0.13 and 11.1 (docs/traps.md §7); 10.1 and 10.2 have it.
 */
export function discardsSafely(qemuVersion: string): boolean {
  const [major = 0, minor = 0, micro = 0] = qemuVersion.split(".").map((part) => Number.parseInt(part, 10) || 0);
  return (major === 10 && minor === 0 && micro >= 13) || (major === 11 && minor >= 1) || major > 11;
}

function cache(io: DiskIo): JsonObject {
  return { direct: io.direct, "no-flush": false };
}

/**
 * Bytes of L2 tables kept in memory: one for 8192 of disk. The default covers 256 GiB on Linux, 64 GiB
 * elsewhere (docs/qcow2-cache.txt); beyond 64 GiB off Linux it is set, up to Linux's own maximum.
 */
function l2CacheBytes(virtualBytes: number | undefined, context: Pick<LaunchContext, "platform">): number | undefined {
  const defaultBytes = 8 * 1024 ** 2;
  if (context.platform === "linux" || virtualBytes === undefined) return undefined;
  const wanted = Math.ceil(virtualBytes / 8192 / 65536) * 65536;
  return wanted > defaultBytes ? Math.min(wanted, 4 * defaultBytes) : undefined;
}

/** The CD-ROM drive's device id and the medium's node; the medium can be changed while the machine runs. */
export const cdromNames = { device: "cdrom", node: "cdrom.medium", fileNode: "cdrom.medium.file" } as const;

/** `-blockdev` of the medium; nothing for an empty drive. */
export function cdromNode(definition: Definition, context: LaunchContext): string[] {
  const file = definition.cdrom?.file;
  return file === undefined ? [] : option("-blockdev", cdromMedium(file, context));
}

/** The node of a medium, for `-blockdev` and `blockdev-add`. Read-only, and raw whatever it says of itself. */
export function cdromMedium(file: string, context: Pick<LaunchContext, "platform" | "machineDirectory">): JsonObject {
  return {
    driver: "raw",
    "node-name": cdromNames.node,
    "read-only": true,
    file: { driver: "file", "node-name": cdromNames.fileNode, filename: machineFile(context, file), "read-only": true },
  };
}
