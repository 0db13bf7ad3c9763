/** Disks and removable media of one machine: what they are made of, and how they change. */

export { addDisk } from "./add.ts";
export { checkDisk } from "./check.ts";
export { compactDisk } from "./compact.ts";
export type { Grown } from "./grow.ts";
export { allocatedBytes, currentDisk, readHeader } from "./layout.ts";
export { followLimits, limitDisk } from "./limits.ts";
export { diskFacts, listDisks } from "./list.ts";
export { ejectMedia, insertMedia, showMedia } from "./media.ts";
export { emptyRemovedDisks, removeDisk, restoreDisk } from "./remove.ts";
export { resizeDisk } from "./resize.ts";
export { listDiskTrash } from "./trash.ts";
