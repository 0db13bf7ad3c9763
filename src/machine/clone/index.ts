/** Copies of a machine: a moment that stands still, its files for another folder, an identity for another machine. */
export { type CloneWay, copyBelongings, copyDisks, linkDisks, wholeChain } from "./files.ts";
export { cloneDefinition, forkDefinition, pendingIdentity } from "./identity.ts";
export { forksAreStarting } from "./keyTurns.ts";
export { suspendedClone } from "./memory.ts";
export { type LayerSource, type Point, type PointRequest, withPoint } from "./point.ts";
