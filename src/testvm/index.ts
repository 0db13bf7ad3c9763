export * from "./file/index.ts";
export { type Counts, junitText } from "./results/index.ts";
export * from "./runner/index.ts";
export { type TrustEntry, TrustStore } from "./trust.ts";
