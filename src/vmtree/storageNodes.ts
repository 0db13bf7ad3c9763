import type { DiskDetails, LayerView, MediaView, ShareView, SnapshotList, SnapshotView } from "../api/index.ts";
import type { MachineRef } from "../editor/index.ts";

/** Rows of a machine's disks and of its past. Commands take what they need from them: `machine`, `disk`, `snapshot`. */
export interface DisksNode extends MachineRef {
  readonly kind: "disks";
}
export interface DiskNode extends MachineRef {
  readonly kind: "disk";
  readonly disk: DiskDetails;
}
export interface LayerNode extends MachineRef {
  readonly kind: "layer";
  readonly disk: DiskDetails;
  readonly layer: LayerView;
}
export interface MediaNode extends MachineRef {
  readonly kind: "media";
  readonly media: MediaView;
}
export interface SharesNode extends MachineRef {
  readonly kind: "shares";
}
export interface ShareNode extends MachineRef {
  readonly kind: "share";
  readonly share: ShareView;
}
export interface SnapshotsNode extends MachineRef {
  readonly kind: "snapshots";
}
export interface SnapshotNode extends MachineRef {
  readonly kind: "snapshot";
  readonly snapshot: SnapshotView;
}
/** Where the machine is now: a child of the snapshot it grew from. */
export interface PresentNode extends MachineRef {
  readonly kind: "present";
  readonly list: SnapshotList;
}
export interface RemovedNode extends MachineRef {
  readonly kind: "removed";
  readonly list: SnapshotList;
}
/** A snapshot inside an imported image. */
export interface InternalNode extends MachineRef {
  readonly kind: "internal";
  readonly internal: SnapshotList["internal"][number];
}

export type StorageNode =
  | DisksNode
  | DiskNode
  | LayerNode
  | MediaNode
  | SharesNode
  | ShareNode
  | SnapshotsNode
  | SnapshotNode
  | PresentNode
  | RemovedNode
  | InternalNode;
