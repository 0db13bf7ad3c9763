/** Folders of this host as live trees in the guest. */
export { addShare, type NewShare, removeShare } from "./change.ts";
export { type DoctorReport, examineShares } from "./doctor.ts";
export { listShares, type ShareFacts, shareFacts } from "./list.ts";
