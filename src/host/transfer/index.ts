/** Machines and images in and out of a home. */
export { type CloneContext, type CloneRequest, cloneMachine } from "./cloneMachine.ts";
export { checkImageFile, convertImageFile, type ImageContext } from "./imageFiles.ts";
export { type ImportContext, type ImportRequest, importMachine } from "./importMachine.ts";
export { isOva, readOva } from "./ova/read.ts";
