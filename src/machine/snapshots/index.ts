/** Snapshots: one file a capability. `model/snapshots.ts` says what is on disk, docs/snapshots.md what they promise. */

export { adoptSnapshot } from "./adopt.ts";
export type { SnapshotRequest } from "./attempt.ts";
export { type CheckedFile, type CheckRequest, checkSnapshots, type SnapshotCheck } from "./check.ts";
export { compareSnapshots, snapshotThumbnail } from "./compare.ts";
export { nextToRead, readContent } from "./contents.ts";
export { createSnapshot } from "./create.ts";
export { consistencyText, listSnapshots, type SnapshotFacts, type SnapshotsFacts, snapshotFacts, snapshotId } from "./list.ts";
export { editSnapshot, emptySnapshots, type Removal, removeSnapshot, restoreRemovedSnapshot } from "./remove.ts";
export { type RestoreRequest, restoreSnapshot } from "./restore.ts";
export { spareLayers } from "./spare.ts";
