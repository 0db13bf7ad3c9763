import * as vscode from "vscode";
import type { CommandId } from "../editor/index.ts";
import { noStartAtLogin, startAtLogin } from "./atLogin.ts";
import type { Command, Work } from "./command.ts";
import { copyAddress, copySshCommand, openPort } from "./copy.ts";
import { create, createFromImage } from "./create/create.ts";
import { addDisk, compactDisk, removeDisk, resizeDisk } from "./disks/change.ts";
import { checkDisk } from "./disks/check.ts";
import { limitDisk } from "./disks/limit.ts";
import { ejectMedia, insertMedia } from "./disks/media.ts";
import { editDefinition } from "./editDefinition.ts";
import { emptyTrash } from "./emptyTrash.ts";
import { showEvents } from "./events.ts";
import { addToWorkspace, openFile, refreshFiles } from "./files/browse.ts";
import { newFile, newFolder, removeFile, renameFile } from "./files/change.ts";
import { download, upload } from "./files/transfer.ts";
import { clearFilter, filterMachines } from "./filter.ts";
import { addForward, changeForward, removeForward } from "./forwards.ts";
import { addKey, removeKey, setPassword } from "./guest/access.ts";
import { agentStatus, installAgent, upgradeAgent } from "./guest/agent.ts";
import { freezeGuest, thawGuest, trimGuest } from "./guest/care.ts";
import { guestInfo, syncClock } from "./guest/system.ts";
import { hostReport } from "./hostReport.ts";
import { checkImageUpdates, importImage, removeImage, verifyImage } from "./images/care.ts";
import { pullImage } from "./images/pull.ts";
import { installCli } from "./installCli.ts";
import { kill } from "./kill.ts";
import { showLogs, showSerialLog } from "./logs.ts";
import { openCapture, startCapture, stopCapture } from "./networks/capture.ts";
import { createNetwork, removeNetwork, setNetwork } from "./networks/change.ts";
import { heal, impair } from "./networks/impair.ts";
import { addRule, removeRule } from "./networks/rules.ts";
import { openFolder } from "./openFolder.ts";
import { openInMachine } from "./openInMachine.ts";
import { openSsh } from "./openSsh.ts";
import { pause } from "./pause.ts";
import { remove } from "./remove.ts";
import { rename } from "./rename.ts";
import { reset } from "./reset.ts";
import { restart } from "./restart.ts";
import { restoreRemoved } from "./restoreRemoved.ts";
import { resume } from "./resume.ts";
import { screenshot } from "./screenshot.ts";
import { sendKeys } from "./sendKeys.ts";
import { connectService, openWalkthrough, showLog, stopService } from "./service.ts";
import { setCpus } from "./setCpus.ts";
import { setGroup } from "./setGroup.ts";
import { setMemory } from "./setMemory.ts";
import { addShare, removeShare } from "./shares/change.ts";
import { shareReport } from "./shares/report.ts";
import { adoptSnapshot } from "./snapshots/adopt.ts";
import { checkSnapshots } from "./snapshots/check.ts";
import { compareSnapshots } from "./snapshots/compare.ts";
import { noteSnapshot, renameSnapshot } from "./snapshots/edit.ts";
import { emptySnapshots, removeBranch, removeSnapshot, undoRemoveSnapshot } from "./snapshots/remove.ts";
import { restoreSnapshot, restoreSnapshotInto } from "./snapshots/restore.ts";
import { takeDisksOnly, takeSnapshot } from "./snapshots/take.ts";
import { installSshConfig, removeSshConfig } from "./sshConfig.ts";
import { start } from "./start.ts";
import { stop } from "./stop.ts";
import { supportBundle } from "./supportBundle.ts";
import { suspend } from "./suspend.ts";
import { noteTemplate, renameTemplate } from "./templates/edit.ts";
import { fork, forkAndOpenTerminal, forkSnapshot } from "./templates/fork.ts";
import { keepFork, removeFork } from "./templates/forks.ts";
import { makeTemplate } from "./templates/make.ts";
import { removeTemplate } from "./templates/remove.ts";
import { cloneMachine, cloneSnapshot } from "./transfer/clone.ts";
import { exportMachine, exportSnapshot } from "./transfer/exportMachine.ts";
import { checkImage, convertImage } from "./transfer/image.ts";
import { importMachine } from "./transfer/importMachine.ts";
import { prune } from "./transfer/prune.ts";
import { typeClipboard, typeText } from "./typeText.ts";
import { wait } from "./wait.ts";
import { pullFolder } from "./workspace/pull.ts";
import { stopSync, syncFolder } from "./workspace/sync.ts";

export type { Work } from "./command.ts";
export { createFromFile } from "./create/fromFile.ts";

/** Every command and what does it. One that is missing here does not compile. */
const table: Record<CommandId, Command> = {
  "vivarium.create": create,
  "vivarium.start": start,
  "vivarium.stop": stop,
  "vivarium.kill": kill,
  "vivarium.restart": restart,
  "vivarium.reset": reset,
  "vivarium.pause": pause,
  "vivarium.resume": resume,
  "vivarium.suspend": suspend,
  "vivarium.wait": wait,
  "vivarium.rename": rename,
  "vivarium.remove": remove,
  "vivarium.restoreRemoved": restoreRemoved,
  "vivarium.emptyTrash": emptyTrash,
  "vivarium.setMemory": setMemory,
  "vivarium.setCpus": setCpus,
  "vivarium.setGroup": setGroup,
  "vivarium.editDefinition": editDefinition,
  "vivarium.openFolder": openFolder,
  "vivarium.openSsh": openSsh,
  "vivarium.copySshCommand": copySshCommand,
  "vivarium.copyAddress": copyAddress,
  "vivarium.openPort": openPort,
  "vivarium.screenshot": screenshot,
  "vivarium.sendKeys": sendKeys,
  "vivarium.typeText": typeText,
  "vivarium.typeClipboard": typeClipboard,
  "vivarium.syncFolder": syncFolder,
  "vivarium.stopSync": stopSync,
  "vivarium.pullFolder": pullFolder,
  "vivarium.syncClock": syncClock,
  "vivarium.guestInfo": guestInfo,
  "vivarium.installAgent": installAgent,
  "vivarium.agentStatus": agentStatus,
  "vivarium.upgradeAgent": upgradeAgent,
  "vivarium.guest.trim": trimGuest,
  "vivarium.guest.freeze": freezeGuest,
  "vivarium.guest.thaw": thawGuest,
  "vivarium.guest.setPassword": setPassword,
  "vivarium.guest.addKey": addKey,
  "vivarium.guest.removeKey": removeKey,
  "vivarium.showSerialLog": showSerialLog,
  "vivarium.showLogs": showLogs,
  "vivarium.showEvents": showEvents,
  "vivarium.filterMachines": filterMachines,
  "vivarium.clearFilter": clearFilter,
  "vivarium.hostReport": hostReport,
  "vivarium.connectService": connectService,
  "vivarium.stopService": stopService,
  "vivarium.startAtLogin": startAtLogin,
  "vivarium.noStartAtLogin": noStartAtLogin,
  "vivarium.showLog": showLog,
  "vivarium.supportBundle": supportBundle,
  "vivarium.installCli": installCli,
  "vivarium.openWalkthrough": openWalkthrough,
  "vivarium.snapshot.take": takeSnapshot,
  "vivarium.snapshot.takeDisksOnly": takeDisksOnly,
  "vivarium.snapshot.restore": restoreSnapshot,
  "vivarium.snapshot.restoreInto": restoreSnapshotInto,
  "vivarium.snapshot.clone": cloneSnapshot,
  "vivarium.snapshot.export": exportSnapshot,
  "vivarium.snapshot.rename": renameSnapshot,
  "vivarium.snapshot.note": noteSnapshot,
  "vivarium.snapshot.compare": compareSnapshots,
  "vivarium.snapshot.check": checkSnapshots,
  "vivarium.snapshot.remove": removeSnapshot,
  "vivarium.snapshot.removeBranch": removeBranch,
  "vivarium.snapshot.undoRemove": undoRemoveSnapshot,
  "vivarium.snapshot.empty": emptySnapshots,
  "vivarium.snapshot.adopt": adoptSnapshot,
  "vivarium.disk.add": addDisk,
  "vivarium.disk.remove": removeDisk,
  "vivarium.disk.resize": resizeDisk,
  "vivarium.disk.check": checkDisk,
  "vivarium.disk.compact": compactDisk,
  "vivarium.disk.limit": limitDisk,
  "vivarium.media.insert": insertMedia,
  "vivarium.media.eject": ejectMedia,
  "vivarium.forward.add": addForward,
  "vivarium.forward.change": changeForward,
  "vivarium.forward.remove": removeForward,
  "vivarium.share.add": addShare,
  "vivarium.share.remove": removeShare,
  "vivarium.share.report": shareReport,
  "vivarium.clone": cloneMachine,
  "vivarium.fork": fork,
  "vivarium.forkAndOpenTerminal": forkAndOpenTerminal,
  "vivarium.snapshot.fork": forkSnapshot,
  "vivarium.template.create": makeTemplate,
  "vivarium.template.rename": renameTemplate,
  "vivarium.template.note": noteTemplate,
  "vivarium.template.remove": removeTemplate,
  "vivarium.fork.keep": keepFork,
  "vivarium.fork.remove": removeFork,
  "vivarium.export": exportMachine,
  "vivarium.import": importMachine,
  "vivarium.prune": prune,
  "vivarium.image.convert": convertImage,
  "vivarium.image.check": checkImage,
  "vivarium.image.pull": pullImage,
  "vivarium.image.import": importImage,
  "vivarium.image.create": createFromImage,
  "vivarium.image.verify": verifyImage,
  "vivarium.image.remove": removeImage,
  "vivarium.image.updates": checkImageUpdates,
  "vivarium.network.create": createNetwork,
  "vivarium.network.set": setNetwork,
  "vivarium.network.remove": removeNetwork,
  "vivarium.network.impair": impair,
  "vivarium.network.heal": heal,
  "vivarium.network.addRule": addRule,
  "vivarium.network.removeRule": removeRule,
  "vivarium.network.startCapture": startCapture,
  "vivarium.network.stopCapture": stopCapture,
  "vivarium.network.openCapture": openCapture,
  "vivarium.files.addToWorkspace": addToWorkspace,
  "vivarium.files.open": openFile,
  "vivarium.files.newFile": newFile,
  "vivarium.files.newFolder": newFolder,
  "vivarium.files.rename": renameFile,
  "vivarium.files.remove": removeFile,
  "vivarium.files.upload": upload,
  "vivarium.files.download": download,
  "vivarium.files.refresh": refreshFiles,
  "vivarium.openInMachine": openInMachine,
  "vivarium.sshConfig.install": installSshConfig,
  "vivarium.sshConfig.remove": removeSshConfig,
};

export function registerCommands(work: Work): vscode.Disposable {
  const ids = Object.keys(table) as CommandId[];
  return vscode.Disposable.from(...ids.map((id) => work.editor.register(id, (...args) => table[id](work, ...args))));
}
