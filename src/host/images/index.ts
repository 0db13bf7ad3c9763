/** What machines are made from: images that came with Vivarium, and those that were pulled or taken in. */
export { storeImage } from "./builtIn.ts";
export { removeImage, requireNamed, verifyImage } from "./care.ts";
export { type CatalogPlace, openCatalog } from "./catalog.ts";
export { importImage, type NewImageRequest } from "./importImage.ts";
export { findImage, listImages } from "./list.ts";
export { pinned } from "./locks.ts";
export { forget as forgetDownload, halfFetched, type PullContext, type PullRequest, pullImage } from "./pull.ts";
export { type Image, ImageFile } from "./record.ts";
export { contentOf, listRecords, removeContent } from "./store.ts";
export { type ImageUpdate, imageUpdates } from "./updates.ts";
export { everyRecord, imageUsers, placesOfMachines, usersOf } from "./usage.ts";
