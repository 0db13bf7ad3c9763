export * from "./client.ts";
export type { VivExit, VivProcess } from "./process.ts";
