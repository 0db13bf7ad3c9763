import type { DiskDetails, SnapshotList, SnapshotView } from "../../../../src/api/index.ts";

/** Disks and snapshots as the service would describe them. */

export function snapshot(name: string, changes: Partial<SnapshotView> = {}): SnapshotView {
  return {
    id: `id-of-${name}`,
    name,
    createdAt: "2026-11-20T10:00:00.000Z",
    parent: null,
    consistency: "memory",
    consistencyText: "memory and disks of one moment",
    automatic: false,
    ownBytes: 64 * 1024 ** 2,
    memoryBytes: 48 * 1024 ** 2,
    hasThumbnail: true,
    current: false,
    children: 0,
    depth: 2,
    removedAt: null,
    ...changes,
  };
}

/** base ← work ← now, with a branch `trial` beside `work`, and one that was removed. */
export function snapshotList(changes: Partial<SnapshotList> = {}): SnapshotList {
  return {
    snapshots: [
      snapshot("base", {
        children: 2,
        createdAt: "2026-11-18T10:00:00.000Z",
        consistency: "stopped",
        memoryBytes: null,
        hasThumbnail: false,
      }),
      snapshot("trial", { parent: "id-of-base", createdAt: "2026-11-19T10:00:00.000Z", note: "a trial" }),
      snapshot("work", { parent: "id-of-base", current: true }),
      snapshot("old", { removedAt: "2026-11-21T10:00:00.000Z" }),
    ],
    current: "id-of-work",
    currentBytes: 3 * 1024 ** 2,
    removedBytes: 64 * 1024 ** 2,
    memoryBlocked: [],
    internal: [],
    ...changes,
  };
}

export function disk(id: string, changes: Partial<DiskDetails> = {}): DiskDetails {
  return {
    id,
    bus: "virtio",
    format: "qcow2",
    file: `${id}.qcow2`,
    readOnly: false,
    virtualBytes: 10 * 1024 ** 3,
    allocatedBytes: 312 * 1024 ** 2,
    sharedBytes: 0,
    reclaimableBytes: null,
    layers: [
      {
        file: `layers/${id}-ab12cd.qcow2`,
        format: "qcow2",
        virtualBytes: 10 * 1024 ** 3,
        allocatedBytes: 12 * 1024 ** 2,
        shared: false,
        snapshots: [],
      },
      {
        file: `${id}.qcow2`,
        format: "qcow2",
        virtualBytes: 10 * 1024 ** 3,
        allocatedBytes: 300 * 1024 ** 2,
        shared: true,
        snapshots: ["base"],
      },
    ],
    limits: { readBytesPerSecond: 0, writeBytesPerSecond: 0, readsPerSecond: 0, writesPerSecond: 0 },
    attached: true,
    ...changes,
  };
}
