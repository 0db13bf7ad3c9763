/**
 * Every command of the extension. A test holds this list equal to `contributes.commands` of package.json, and the
 * types hold it equal to what is registered: a command cannot be declared and missing, or the other way round.
 */
export const commandIds = [
  "vivarium.create",
  "vivarium.start",
  "vivarium.stop",
  "vivarium.kill",
  "vivarium.restart",
  "vivarium.reset",
  "vivarium.pause",
  "vivarium.resume",
  "vivarium.suspend",
  "vivarium.wait",
  "vivarium.rename",
  "vivarium.remove",
  "vivarium.restoreRemoved",
  "vivarium.emptyTrash",
  "vivarium.setMemory",
  "vivarium.setCpus",
  "vivarium.setGroup",
  "vivarium.editDefinition",
  "vivarium.openFolder",
  "vivarium.openSsh",
  "vivarium.copySshCommand",
  "vivarium.copyAddress",
  "vivarium.openPort",
  "vivarium.screenshot",
  "vivarium.sendKeys",
  "vivarium.typeText",
  "vivarium.typeClipboard",
  "vivarium.syncFolder",
  "vivarium.stopSync",
  "vivarium.pullFolder",
  "vivarium.syncClock",
  "vivarium.guestInfo",
  "vivarium.installAgent",
  "vivarium.showSerialLog",
  "vivarium.showLogs",
  "vivarium.showEvents",
  "vivarium.filterMachines",
  "vivarium.clearFilter",
  "vivarium.hostReport",
  "vivarium.connectService",
  "vivarium.stopService",
  "vivarium.startAtLogin",
  "vivarium.noStartAtLogin",
  "vivarium.showLog",
  "vivarium.supportBundle",
  "vivarium.installCli",
  "vivarium.openWalkthrough",
  "vivarium.snapshot.take",
  "vivarium.snapshot.takeDisksOnly",
  "vivarium.snapshot.restore",
  "vivarium.snapshot.restoreInto",
  "vivarium.snapshot.clone",
  "vivarium.snapshot.export",
  "vivarium.snapshot.rename",
  "vivarium.snapshot.note",
  "vivarium.snapshot.compare",
  "vivarium.snapshot.check",
  "vivarium.snapshot.remove",
  "vivarium.snapshot.removeBranch",
  "vivarium.snapshot.undoRemove",
  "vivarium.snapshot.empty",
  "vivarium.snapshot.adopt",
  "vivarium.disk.add",
  "vivarium.disk.remove",
  "vivarium.disk.resize",
  "vivarium.disk.check",
  "vivarium.disk.compact",
  "vivarium.disk.limit",
  "vivarium.media.insert",
  "vivarium.media.eject",
  "vivarium.clone",
  "vivarium.export",
  "vivarium.import",
  "vivarium.prune",
  "vivarium.image.convert",
  "vivarium.image.pull",
  "vivarium.image.import",
  "vivarium.image.create",
  "vivarium.image.verify",
  "vivarium.image.remove",
  "vivarium.image.updates",
  "vivarium.image.check",
  "vivarium.files.addToWorkspace",
  "vivarium.files.open",
  "vivarium.files.newFile",
  "vivarium.files.newFolder",
  "vivarium.files.rename",
  "vivarium.files.remove",
  "vivarium.files.upload",
  "vivarium.files.download",
  "vivarium.files.refresh",
  "vivarium.openInMachine",
  "vivarium.sshConfig.install",
  "vivarium.sshConfig.remove",
] as const;
export type CommandId = (typeof commandIds)[number];

/** Commands that webviews/ registers: they open something that lives there. */
export const webviewCommandIds = [
  "vivarium.openConsole",
  "vivarium.openSerialConsole",
  "vivarium.openShell",
  "vivarium.exec",
  "vivarium.editSettings",
  "vivarium.settings.openAsJson",
  "vivarium.settings.openForm",
  "vivarium.openSnapshots",
  "vivarium.openImage",
] as const;
export type WebviewCommandId = (typeof webviewCommandIds)[number];

export type AnyCommandId = CommandId | WebviewCommandId;

/**
 * What a command gets: from a tree the item and the selected items, from the palette nothing, from other code a
 * machine's name or id. `MachineRef` is the least a caller must give.
 */
export interface MachineRef {
  readonly machine: string;
}

export function isMachineRef(value: unknown): value is MachineRef {
  return typeof value === "object" && value !== null && typeof (value as Partial<MachineRef>).machine === "string";
}
