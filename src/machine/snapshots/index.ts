/** Snapshots: one file a capability. `model/snapshots.ts` says what is on disk, docs/snapshots.md what they promise. */

export { adoptSnapshot } from "./adopt.ts";
export type { SnapshotRequest } from "./attempt.ts";
export { compareSnapshots, snapshotThumbnail } from "./compare.ts";
export { createSnapshot } from "./create.ts";
export { consistencyText, listSnapshots, type SnapshotFacts, type SnapshotsFacts, snapshotFacts } from "./list.ts";
export { editSnapshot, emptySnapshots, type Removal, removeSnapshot, restoreRemovedSnapshot } from "./remove.ts";
export { type RestoreRequest, restoreSnapshot } from "./restore.ts";
export { spareLayers } from "./spare.ts";
