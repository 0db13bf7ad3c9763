export { type BuildOptions, buildGuest } from "./build.ts";
export { moduleList } from "./content.ts";
export type { Architecture } from "./packages.ts";
