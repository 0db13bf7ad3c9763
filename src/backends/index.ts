/** The room's door: which QEMU and which hypervisor this host offers, and how its processes are started and named. */
export { processor } from "./architecture.ts";
export { bundlesFolder, unpackedToolchain } from "./bundle.ts";
export type { ChoiceOptions } from "./choose.ts";
export { chooseAccelerator } from "./choose.ts";
export { features } from "./features.ts";
export type { FindOptions } from "./find.ts";
export { findToolchain } from "./find.ts";
export type { Host } from "./host.ts";
export { launch } from "./launch.ts";
export { localHost } from "./local-host.ts";
export { isAlive, processCommand, processStartTime } from "./process.ts";
export type { ReportOptions } from "./report.ts";
export { hostReport } from "./report.ts";
export { reportText } from "./report-text.ts";
export type * from "./types.ts";
export { cpuPercent, type ProcessUsage, processUsage } from "./usage.ts";
