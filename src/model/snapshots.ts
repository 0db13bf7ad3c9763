import * as z from "zod";

/**
 * `snapshots.json`: a machine's past, and where its disks are now. It is the truth about layers; written whole
 * (temporary file, fsync, rename), so a crash leaves the one before or the one after.
 *
 * A *layer* is one image file of a disk's chain. A frozen layer is read-only (0444) and never written again, except by
 * a merge that its operation record covers. Layers never move: a snapshot names them, `current` names those the machine
 * writes to. A machine without the file has no snapshots, and its disks are where vm.json says.
 *
 * Paths are relative to the machine's folder, with `/`. Times are ISO 8601 in UTC.
 */

/** How much of the machine's state a snapshot holds. */
export const Consistency = z.enum([
  /** Memory and disks of one moment: the guest goes on as if nothing had been. */
  "memory",
  /** Disks, with the guest's file systems frozen by its agent. */
  "quiesced",
  /** Disks of one moment, as after a power cut. */
  "crash-consistent",
  /** Disks of a machine that was off. */
  "stopped",
]);
export type Consistency = z.infer<typeof Consistency>;

/** The layer that holds a disk's content, by the disk's id; by `nvramKey` for the firmware's variables. */
export const LayerMap = z.record(z.string(), z.string());
export type LayerMap = z.infer<typeof LayerMap>;

/** Each kind of UEFI firmware keeps variables of its own. No disk has such an id: ids have no dots. */
export function nvramKey(firmware: "uefi" | "uefi-secure"): string {
  return `${firmware}.nvram`;
}

/** A file as its file system describes it: whoever writes to it, or puts another in its place, changes at least one. */
export const FileStamp = z.object({
  bytes: z.number(),
  /** Times of content and of inode, nanoseconds since 1970, and the inode's number: decimal, too large for a number. */
  modified: z.string(),
  changed: z.string(),
  inode: z.string(),
});
export type FileStamp = z.infer<typeof FileStamp>;

/** How a frozen file was left, so that one that was changed since is noticed before anything is done with it. */
export const FrozenFile = z.object({
  bytes: z.number(),
  /** SHA-256 of its first 64 KiB, where an image has its header and tables. */
  head: z.string(),
  /** Absent in records of before 0.2: then only size and head tell. */
  stamp: FileStamp.optional(),
  /** Names this freezing; what is known of the content (`hashes.json`) refers to it. */
  mark: z.string().optional(),
});
export type FrozenFile = z.infer<typeof FrozenFile>;

/** What is known of a frozen file's whole content. */
export const FileHash = z.object({
  /** The freezing it is of; a file that was frozen anew has another. */
  mark: z.string(),
  sha256: z.string(),
  /** How the file looked when its content was last seen to be this. */
  seen: FileStamp,
  /** How it looked when its content was another. */
  altered: FileStamp.optional(),
});
export type FileHash = z.infer<typeof FileHash>;

/** `hashes.json`: found out after the fact and without an operation, so it is no part of `snapshots.json`. May be lost. */
export const FileHashes = z.object({ schema: z.literal(1), files: z.record(z.string(), FileHash) });
export type FileHashes = z.infer<typeof FileHashes>;

/** Memory and device state saved with a snapshot; only the same QEMU with the same arguments can load it. */
export const SavedMemory = z.object({
  file: z.string(),
  bytes: z.number(),
  /** Pages at fixed places in the file (QEMU ≥ 9.0): loads quicker, and only so. */
  mappedRam: z.boolean(),
  qemuId: z.string(),
  qemuVersion: z.string(),
  accelerator: z.enum(["kvm", "hvf", "whpx", "tcg"]),
});
export type SavedMemory = z.infer<typeof SavedMemory>;

/** A name is what a person types; the same rule as for machines, but dots and capitals are welcome. */
export const snapshotNamePattern = /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/;

export const SnapshotRecord = z.object({
  /** Twelve hexadecimal digits; names its folder `snapshots/<id>/`. */
  id: z.string().regex(/^[0-9a-f]{12}$/),
  name: z.string().regex(snapshotNamePattern),
  note: z.string().max(2000).optional(),
  createdAt: z.string(),
  parent: z.string().optional(),
  consistency: Consistency,
  /** Made by Vivarium before a restore, not by a person. */
  automatic: z.boolean().default(false),
  /** The definition the guest had at that moment. */
  definition: z.unknown(),
  layers: LayerMap,
  memory: SavedMemory.optional(),
  /** Milliseconds the running guest stood still for it, by QEMU's STOP and RESUME. */
  pausedMs: z.number().optional(),
  /** The TPM's state, a folder below `snapshots/<id>/`. */
  tpm: z.string().optional(),
  thumbnail: z.string().optional(),
  /** Removed by a person: out of sight, can come back until what is removed is emptied. */
  removedAt: z.string().optional(),
});
export type SnapshotRecord = z.infer<typeof SnapshotRecord>;

export const SnapshotsFile = z.object({
  schema: z.literal(1),
  snapshots: z.array(SnapshotRecord),
  current: z.object({
    /** The snapshot the machine's present grew from. */
    parent: z.string().optional(),
    layers: LayerMap,
  }),
  /** What is known of files that nobody may change; a merge takes its own out first. */
  frozen: z.record(z.string(), FrozenFile).default({}),
});
export type SnapshotsFile = z.infer<typeof SnapshotsFile>;
