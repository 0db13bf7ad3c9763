/** The room's door: how to speak to QEMU. Everything here is pure or works on a stream the caller gives. */
export {
  type AgentInfo,
  connectAgent,
  type ExecRequest,
  type ExecResult,
  type GuestAgent,
  type GuestInterface,
  type OsInfo,
} from "./agent.ts";
export { AgentError } from "./agentWire.ts";
export { cdromMedium, cdromNames, type DiskContext, type DiskNames, discardsSafely, diskNames, diskNode, overlayNode } from "./blockdev.ts";
export { hotPlugPorts, sharePorts } from "./board.ts";
export { channelAddress, socketNames } from "./channels.ts";
export { commandLine } from "./commandLine.ts";
export type { CommandArguments, CommandName, CommandReturn, InputEvent, MigrationInfo, RunStatus, TransactionAction } from "./commands.ts";
export { commandText } from "./commandText.ts";
export { type OpenOptions, openChannel, type PreSharedKey } from "./connect.ts";
export { type Deferred, deferred } from "./deferred.ts";
export { diskDevice } from "./disks.ts";
export type { EventData, EventName, QmpEvent, ShutdownReason } from "./events.ts";
export { firmwareNodes } from "./firmware.ts";
export {
  addForward,
  checkForwardAnswer,
  flushNode,
  type HumanCommand,
  infoUsernet,
  parseUsernet,
  removeForward,
  type UsernetForward,
} from "./humanMonitor.ts";
export {
  checkForeign,
  convertChain,
  convertForeign,
  type ExportFormat,
  type ForeignImage,
  type ImageTarget,
  type OwnLayer,
} from "./imageConvert.ts";
export * from "./imageHeaders/index.ts";
export {
  checkImage,
  convertImage,
  convertPercent,
  createImage,
  createOverlay,
  type ForeignFormat,
  growImage,
  type ImageCheck,
  type ImageCommand,
  type ImageFormat,
  type ImageInfo,
  type ImageRunner,
  imageInfo,
  type ProgramOutcome,
  type Qcow2Options,
  rewriteLayer,
} from "./images.ts";
export { type IsoEntry, writeIso } from "./iso9660/index.ts";
export { type KeyStep, keyCombination, keyLayoutNames, textKeys } from "./keys.ts";
export { adapterNames, forwardText, linksDown } from "./network.ts";
export { emptyQcow2, type NewQcow2, type SparseBytes } from "./qcow2Create.ts";
export { parseQcow2Header, type Qcow2Header } from "./qcow2Header.ts";
export { connectQmp, type ExecuteOptions, type QmpClient, type QmpDisposable, QmpError, type QmpGreeting, type QmpOptions } from "./qmp.ts";
export { type ReadinessMark, readinessReader } from "./readiness.ts";
export { hasSeed, seedNames, seedPort } from "./seed.ts";
export { doctorFolder, doctorTag, has9p, plugShare, type ShareStep, shareNames, sharingOf } from "./shares.ts";
export * from "./types.ts";
export * from "./vivAgent/index.ts";
