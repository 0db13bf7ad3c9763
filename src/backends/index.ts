/** The room's door: which QEMU and which hypervisor this host offers, and how its processes are started and named. */
export { processor } from "./architecture.ts";
export type { Host } from "./host.ts";
export { launch } from "./launch.ts";
export { localHost } from "./local-host.ts";
export { isAlive, processStartTime } from "./process.ts";
export type * from "./types.ts";
