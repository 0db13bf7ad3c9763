export { globMatcher } from "./globs.ts";
export { guestFiles } from "./open.ts";
export type { GuestChange, GuestEntry, GuestFiles, GuestFileType, GuestStat, GuestWatch, GuestWay, WriteHow } from "./types.ts";
