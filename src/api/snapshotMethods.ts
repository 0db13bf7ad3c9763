import * as z from "zod";
import { Consistency } from "../model/index.ts";
import { change, machine, operation, read } from "./method.ts";

/** Snapshots: what a machine was, and the ways back. `snapshot` is a snapshot's name or id. */

const snapshot = z.string().min(1).max(200);

export const SnapshotView = z.object({
  id: z.string(),
  name: z.string(),
  note: z.string().optional(),
  createdAt: z.string(),
  /** The next one above it that is not removed; null for a root. */
  parent: z.string().nullable(),
  consistency: Consistency,
  /** The consistency in words a person reads. */
  consistencyText: z.string(),
  automatic: z.boolean(),
  /** Bytes of the host that only this snapshot holds: its layers and its memory. */
  ownBytes: z.number(),
  memoryBytes: z.number().nullable(),
  /** Milliseconds a running guest stood still for it. */
  pausedMs: z.number().optional(),
  hasThumbnail: z.boolean(),
  /** The machine's present grew from it. */
  current: z.boolean(),
  /** Snapshots that grew from it, not removed ones. */
  children: z.int(),
  /** Layers from its disks down to the base; the deepest disk counts. */
  depth: z.int(),
  /** Why it cannot be restored, when that is known (a file is missing). */
  problem: z.string().optional(),
  removedAt: z.string().nullable(),
});
export type SnapshotView = z.infer<typeof SnapshotView>;

export const SnapshotList = z.object({
  /** Parents before children; removed ones only when asked for. */
  snapshots: z.array(SnapshotView),
  /** Id of the snapshot the present grew from. */
  current: z.string().nullable(),
  /** Bytes written since then. */
  currentBytes: z.number(),
  /** Bytes that emptying what is removed would free. */
  removedBytes: z.number(),
  /** Why a snapshot with memory cannot be taken now; disk-only may still be possible. Null: it can, or nothing runs. */
  memoryBlocked: z.array(z.string()),
  /** Snapshots inside an imported qcow2 file, which can be turned into ours. */
  internal: z.array(z.object({ disk: z.string(), id: z.string(), name: z.string(), createdAt: z.string(), memoryBytes: z.number() })),
});
export type SnapshotList = z.infer<typeof SnapshotList>;

/** What differs between two snapshots, or a snapshot and the present. */
export const SnapshotComparison = z.object({
  definition: z.array(z.object({ path: z.string(), left: z.unknown(), right: z.unknown() })),
  leftBytes: z.number(),
  rightBytes: z.number(),
  /** Host bytes of layers that both stand on. */
  sharedBytes: z.number(),
});
export type SnapshotComparison = z.infer<typeof SnapshotComparison>;

/** The files that snapshots need, compared with what they were. */
export const SnapshotCheckView = z.object({
  /** No file is altered or missing. */
  sound: z.boolean(),
  files: z.array(
    z.object({
      /** Relative to the machine's folder. */
      file: z.string(),
      bytes: z.number(),
      /** Names of the snapshots that need it. */
      snapshots: z.array(z.string()),
      /**
       * `right`: its content is what it was. `recorded`: untouched since it was frozen, and its content is known from now
       * on. `unread`: it looks untouched, and its content is not known yet.
       */
      verdict: z.enum(["right", "recorded", "unread", "altered", "missing"]),
    }),
  ),
  /** What else is in the way of a restore. */
  problems: z.array(z.string()),
});
export type SnapshotCheckView = z.infer<typeof SnapshotCheckView>;

export const snapshotMethods = {
  "snapshot.list": read(
    "The snapshots of a machine, with sizes, and where the present stands",
    z.strictObject({ machine, removed: z.boolean().default(false) }),
    SnapshotList,
  ),
  "snapshot.create": operation(
    "Take a snapshot: of a running machine with its memory (`memory: false`: disks only), of a stopped one its disks",
    z.strictObject({
      machine,
      /** Absent: `s1`, `s2`, … */
      name: z.string().optional(),
      note: z.string().max(2000).optional(),
      /** Absent: with memory when the machine runs and it can be. */
      memory: z.boolean().optional(),
      /** Disks only: freeze the guest's file systems by its agent meanwhile. Absent: when the agent answers. */
      quiesce: z.boolean().optional(),
    }),
    SnapshotView,
  ),
  "snapshot.restore": operation(
    "Put a machine back to a snapshot (its memory goes on where it was), or make a new machine `into` of it. The present is kept in an automatic snapshot",
    z.strictObject({
      machine,
      snapshot,
      /** Name of a new machine, which goes on with the snapshot's memory or boots; the old one stays as it is. */
      into: z.string().optional(),
      /** Keep the present in an automatic snapshot. */
      safety: z.boolean().default(true),
      /** Absent: run when the snapshot has memory or the machine runs. */
      start: z.boolean().optional(),
    }),
    z.object({ machine: z.string(), safety: z.string().nullable() }),
  ),
  "snapshot.remove": operation(
    "Remove a snapshot, or with `branch` all that grew from it too; it can come back until it is emptied (`now`: empty it at once)",
    z.strictObject({ machine, snapshot, branch: z.boolean().default(false), now: z.boolean().default(false) }),
    z.object({ removed: z.array(z.string()), freedBytes: z.number(), reclaimableBytes: z.number() }),
  ),
  "snapshot.restoreRemoved": change("Bring a removed snapshot back", z.strictObject({ machine, snapshot }), SnapshotView),
  "snapshot.empty": operation(
    "Delete removed snapshots for good: layers nobody needs are deleted, others merged, also while the machine runs",
    z.strictObject({ machine }),
    z.object({ freedBytes: z.number() }),
  ),
  "snapshot.edit": change(
    "Rename a snapshot or change its note (an empty note removes it)",
    z.strictObject({ machine, snapshot, name: z.string().optional(), note: z.string().max(2000).optional() }),
    SnapshotView,
  ),
  "snapshot.thumbnail": read(
    "The guest's screen when the snapshot was taken, as PNG",
    z.strictObject({ machine, snapshot }),
    z.object({ pngBase64: z.string() }),
  ),
  "snapshot.compare": read(
    "What differs between two snapshots; without `right`, between one and the present",
    z.strictObject({ machine, left: snapshot, right: snapshot.optional() }),
    SnapshotComparison,
  ),
  "snapshot.check": operation(
    "Compare the files of a snapshot, or of all, byte for byte with what they were; `quick`: only by what the file system says",
    z.strictObject({
      machine,
      snapshot: snapshot.optional(),
      quick: z.boolean().default(false),
      /** Altered files are taken as they are from now on. */
      accept: z.boolean().default(false),
    }),
    SnapshotCheckView,
  ),
  "snapshot.adopt": operation(
    "Turn a snapshot inside an imported qcow2 file into one of ours",
    z.strictObject({ machine, disk: z.string(), id: z.string(), name: z.string().optional() }),
    SnapshotView,
  ),
} as const;
