export * from "./file/index.ts";
export { type Counts, type CoveredFile, junitText } from "./results/index.ts";
export * from "./runner/index.ts";
export { type TrustEntry, TrustStore } from "./trust.ts";
