export { type BuildOptions, buildGuest } from "./build.ts";
export type { Architecture } from "./packages.ts";
