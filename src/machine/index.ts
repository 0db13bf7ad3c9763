/** The room's door: what one machine does over its life, one file a capability. */

export { findChannels } from "./channels.ts";
export * from "./clone/index.ts";
export * from "./disks/index.ts";
export * from "./firstBoot/index.ts";
export * from "./folder.ts";
export * from "./guestCare/index.ts";
export * from "./guestFiles/index.ts";
export type { MachineHost, MachineIdentity, Work } from "./host.ts";
export * from "./imageFiles/index.ts";
export { ladderFacts, lateStep } from "./late.ts";
export { kill, pause, requireSession, reset, restart, resume, type StopTimes, start, stop } from "./lifecycle.ts";
export { Machine, type Operation } from "./machine.ts";
export { makeQcow2 } from "./newImage.ts";
export { uefiFiles } from "./nvram.ts";
export { qemuImg } from "./qemuImg.ts";
export { exec, screenshot, sendKeys, sshTarget, syncClock, typeText } from "./reach.ts";
export { endLeftOver, neverRan, recover } from "./recover.ts";
export { nameAsFolder, pendingChanges, replaceDefinition, runningDefinition, setValues } from "./settings.ts";
export * from "./shares/index.ts";
export * from "./snapshots/index.ts";
export { makeKeys, sshIdentity } from "./sshKeys.ts";
export * from "./storage.ts";
export { suspend } from "./suspend.ts";
export * from "./templates/index.ts";
export { pauseForTest } from "./testPause.ts";
export { usage } from "./usage.ts";
export { waitFor } from "./wait.ts";
