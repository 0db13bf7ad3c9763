/** The room's door: how to speak to QEMU. Everything here is pure or works on a stream the caller gives. */
export { channelAddress, socketNames } from "./channels.ts";
export * from "./types.ts";
