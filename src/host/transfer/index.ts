/** Machines and images in and out of a home. */
export { type CloneContext, type CloneRequest, cloneMachine } from "./cloneMachine.ts";
export { type ExportContext, type ExportRequest, exportMachine } from "./exportMachine.ts";
export { freedByRemoving } from "./freed.ts";
export { checkImageFile, convertImageFile, type ImageContext } from "./imageFiles.ts";
export { type ImportContext, type ImportRequest, importMachine } from "./importMachine.ts";
export { isOva, readOva } from "./ova/read.ts";
export { listPrunable, type PruneContext, prune } from "./prune.ts";
