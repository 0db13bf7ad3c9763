/** The room's door: what one machine does over its life, one file a capability. */
export * from "./folder.ts";
export type { MachineHost, MachineIdentity, Work } from "./host.ts";
export { allocatedBytes, readHeader } from "./disks.ts";
export { kill, pause, requireSession, reset, restart, resume, start, type StopTimes, stop } from "./lifecycle.ts";
export { Machine } from "./machine.ts";
export { exec, screenshot, sendKeys, sshTarget, syncClock, typeText } from "./reach.ts";
export { recover } from "./recover.ts";
export { nameAsFolder, pendingChanges, replaceDefinition, setValues } from "./settings.ts";
export { makeKeys } from "./sshKeys.ts";
export * from "./storage.ts";
export { pauseForTest } from "./testPause.ts";
export { suspend } from "./suspend.ts";
export { waitFor } from "./wait.ts";
