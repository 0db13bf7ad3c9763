export * from "./copy.ts";
export { paxHeader, paxPadding, paxTypes } from "./pax.ts";
export * from "./places.ts";
export { unpack } from "./tarStream.ts";
export type { CopyWay, CopyWork } from "./ways.ts";
