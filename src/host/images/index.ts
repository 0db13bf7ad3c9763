/** What machines are made from: images that came with Vivarium, and those that were pulled or taken in. */
export { findImage, type Image, ImageFile, listImages, storeImage } from "./builtIn.ts";
