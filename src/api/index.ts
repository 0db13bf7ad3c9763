export * from "./client.ts";
export {
  eventNotification,
  newNonce,
  openConnection,
  progress,
  proofMatches,
  proveToken,
  streamData,
  streamEnd,
  toResponseError,
} from "./connection.ts";
export * from "./diskMethods.ts";
export * from "./endpoint.ts";
export * from "./events.ts";
export * from "./execStream.ts";
export * from "./fileMethods.ts";
export * from "./forkMethods.ts";
export * from "./forwardMethods.ts";
export * from "./guestMethods.ts";
export * from "./imageMethods.ts";
export * from "./methods.ts";
export * from "./networkMethods.ts";
export type { ServiceProgram } from "./service.ts";
export * from "./shareMethods.ts";
export * from "./snapshotMethods.ts";
export * from "./sshConfigMethods.ts";
export { wholeOf } from "./streamForm.ts";
export * from "./transferMethods.ts";
export * from "./version.ts";
