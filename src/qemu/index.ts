/** The room's door: how to speak to QEMU. Everything here is pure or works on a stream the caller gives. */
export { cdromNames, type DiskNames, diskNames } from "./blockdev.ts";
export { hotPlugPorts } from "./board.ts";
export { channelAddress, socketNames } from "./channels.ts";
export { commandLine } from "./commandLine.ts";
export { commandText } from "./commandText.ts";
export { firmwareNodes } from "./firmware.ts";
export { adapterNames, forwardText, linksDown } from "./network.ts";
export { parseQcow2Header, type Qcow2Header } from "./qcow2Header.ts";
export * from "./types.ts";
