export { type IsoEntry, type IsoOptions, isoSectorBytes, writeIso } from "./write.ts";
