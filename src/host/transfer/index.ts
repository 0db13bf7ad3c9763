/** Machines and images in and out of a home. */
export { checkImageFile, convertImageFile, type ImageContext } from "./imageFiles.ts";
