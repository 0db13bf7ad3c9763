import type { DiskDetails, MediaView, SnapshotList, SnapshotView } from "../api/index.ts";
import type { StorageNode } from "./storageNodes.ts";

/** What hangs under the rows of a machine's disks and snapshots; pure. */

export function diskChildren(machine: string, disks: readonly DiskDetails[], media: MediaView | undefined): StorageNode[] {
  const rows = disks.map((disk): StorageNode => ({ kind: "disk", machine, disk }));
  return media?.drive ? [...rows, { kind: "media", machine, media }] : rows;
}

export function layerChildren(machine: string, disk: DiskDetails): StorageNode[] {
  return disk.layers.length > 1 ? disk.layers.map((layer) => ({ kind: "layer", machine, disk, layer })) : [];
}

/** The roots, the present when it grew from none, then what waits to be taken over or to be emptied. */
export function snapshotRoots(machine: string, list: SnapshotList): StorageNode[] {
  const internal = list.internal.map((one): StorageNode => ({ kind: "internal", machine, internal: one }));
  const removed: StorageNode[] = removedOnes(list).length > 0 ? [{ kind: "removed", machine, list }] : [];
  return [...grownFrom(machine, list, null), ...internal, ...removed];
}

/** What grew from a snapshot: other snapshots, and the present, which comes last. */
export function grownFrom(machine: string, list: SnapshotList, parent: string | null): StorageNode[] {
  const children = list.snapshots.filter((one) => one.removedAt === null && one.parent === parent);
  const rows = children.map((snapshot): StorageNode => ({ kind: "snapshot", machine, snapshot }));
  return list.current === parent ? [...rows, { kind: "present", machine, list }] : rows;
}

export function removedChildren(machine: string, list: SnapshotList): StorageNode[] {
  return removedOnes(list).map((snapshot) => ({ kind: "snapshot", machine, snapshot }));
}

function removedOnes(list: SnapshotList): readonly SnapshotView[] {
  return list.snapshots.filter(({ removedAt }) => removedAt !== null);
}
