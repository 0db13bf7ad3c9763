/** The room's door: what the machines of a host share. */
export { ContentKeeper } from "./contentKeeper.ts";
export { createMachine, type NewMachine } from "./create.ts";
export { type Home, homeFolders, openHome } from "./home.ts";
export * from "./images/index.ts";
export { Library } from "./library.ts";
export * from "./networks/index.ts";
export { freePort, portIsFree } from "./ports.ts";
export * from "./sshConfig/index.ts";
export * from "./templates/index.ts";
export { Toolchains } from "./toolchains.ts";
export * from "./transfer/index.ts";
export { emptyTrash, findRemoved, listTrash, moveFromTrash, moveToTrash, type Removed } from "./trash.ts";
