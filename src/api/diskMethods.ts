import * as z from "zod";
import { DiskLimits as DefinedLimits } from "../model/index.ts";
import { change, machine, operation, read } from "./method.ts";

/** Disks and removable media. `disk` is a disk's id in vm.json. */

const disk = z.string().min(1).max(40);

export const LayerView = z.object({
  /** Relative to the machine's folder, or absolute for an image of the home's store. */
  file: z.string(),
  format: z.string(),
  virtualBytes: z.number(),
  /** Host bytes it takes. */
  allocatedBytes: z.number(),
  /** Used by others too (an image, another machine's chain): deleting it here frees nothing. */
  shared: z.boolean(),
  /** Names of the snapshots it holds. */
  snapshots: z.array(z.string()),
});
export type LayerView = z.infer<typeof LayerView>;

export const DiskLimits = z.object({
  readBytesPerSecond: z.int().min(0),
  writeBytesPerSecond: z.int().min(0),
  readsPerSecond: z.int().min(0),
  writesPerSecond: z.int().min(0),
});
export type DiskLimits = z.infer<typeof DiskLimits>;

export const DiskDetails = z.object({
  id: z.string(),
  bus: z.string(),
  format: z.string(),
  file: z.string(),
  readOnly: z.boolean(),
  virtualBytes: z.number(),
  /** Host bytes of all layers. */
  allocatedBytes: z.number(),
  /** Of these, what others use too. */
  sharedBytes: z.number(),
  /** Estimate of what compacting would give back; null when it cannot be told (the machine runs). */
  reclaimableBytes: z.number().nullable(),
  /** Current layer first, base last. */
  layers: z.array(LayerView),
  /** 0 is no limit. */
  limits: DiskLimits,
  /** Seen by the guest of the running machine. */
  attached: z.boolean(),
  problem: z.string().optional(),
});
export type DiskDetails = z.infer<typeof DiskDetails>;

export const MediaView = z.object({
  /** The guest has a drive, or will have one when it starts. */
  drive: z.boolean(),
  file: z.string().nullable(),
  /** The guest holds the tray. */
  locked: z.boolean(),
  /** vm.json has a drive that the running guest has not. */
  needsRestart: z.boolean(),
});
export type MediaView = z.infer<typeof MediaView>;

export const RemovedDisk = z.object({ disk: z.string(), removedAt: z.string(), bytes: z.number() });
export type RemovedDisk = z.infer<typeof RemovedDisk>;

export const diskMethods = {
  "disk.list": read("The disks of a machine, layer by layer", z.strictObject({ machine }), z.array(DiskDetails)),
  "disk.add": operation(
    "Add a disk: a new one of `size`, or a copy of an image file; plugged in at once when the machine runs (virtio)",
    z.strictObject({
      machine,
      id: z.string().optional(),
      size: z.string().optional(),
      file: z.string().optional(),
      /** Of `file`, where its header does not tell. */
      format: z.enum(["qcow2", "raw", "vmdk", "vdi", "vhdx", "vpc"]).optional(),
      bus: z.enum(["virtio", "scsi", "sata", "nvme"]).default("virtio"),
    }),
    DiskDetails,
  ),
  "disk.remove": operation(
    "Take a disk away: unplugged when the machine runs (the guest must agree), its layers go to the machine's trash (`delete`: for good)",
    z.strictObject({ machine, disk, delete: z.boolean().default(false) }),
    z.object({ freedBytes: z.number() }),
  ),
  "disk.trash": read("Removed disks of a machine that can come back", z.strictObject({ machine }), z.array(RemovedDisk)),
  "disk.restoreRemoved": operation(
    "Bring a removed disk back with its content (the newest of that id); plugged in at once when the machine runs",
    z.strictObject({ machine, disk }),
    DiskDetails,
  ),
  "disk.emptyTrash": operation(
    "Delete removed disks of a machine for good",
    z.strictObject({ machine, disk: disk.optional() }),
    z.object({ freedBytes: z.number() }),
  ),
  "disk.resize": operation(
    "Make a disk larger (`40G`, or `+10G`), also while the machine runs. Never smaller. `grow`: and what is at its end in the guest, by its agent",
    z.strictObject({
      machine,
      disk,
      size: z.string(),
      /** The disk's last partition in the running guest and the file system in it too; also when the disk has this size already. */
      grow: z.boolean().default(false),
    }),
    DiskDetails.extend({
      /** What became larger in the guest, with its size now. */
      grown: z.object({ device: z.string(), fileSystem: z.string(), bytes: z.number() }).optional(),
    }),
  ),
  "disk.check": operation(
    "Check every layer of a stopped machine's disk; `repair: leaks` gives wasted space back and is always safe",
    z.strictObject({ machine, disk, repair: z.enum(["no", "leaks", "all"]).default("no") }),
    z.object({ sound: z.boolean(), corruptions: z.int(), leaks: z.int(), repaired: z.boolean() }),
  ),
  "disk.compact": operation(
    "Give unused space back to the host: the guest discards (fstrim), and a stopped machine's layer is rewritten",
    z.strictObject({ machine, disk }),
    z.object({ beforeBytes: z.number(), afterBytes: z.number() }),
  ),
  "disk.limit": change(
    "Limit a disk's bandwidth and operations, at once and from then on; 0 lifts a limit",
    z.strictObject({ machine, disk, limits: DefinedLimits }),
    DiskDetails,
  ),
  "media.show": read("What is in the CD-ROM drive", z.strictObject({ machine }), MediaView),
  "media.insert": operation(
    "Put an ISO into the CD-ROM drive, also while the machine runs (`force`: although the guest locks the tray)",
    z.strictObject({ machine, file: z.string(), force: z.boolean().default(false) }),
    MediaView,
  ),
  "media.eject": operation("Empty the CD-ROM drive", z.strictObject({ machine, force: z.boolean().default(false) }), MediaView),
} as const;
