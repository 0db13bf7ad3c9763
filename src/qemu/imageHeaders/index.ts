export { type BootLoaders, bootLoaders } from "./fat.ts";
export { efiSystem, type Partition, readPartitions } from "./partitions.ts";
export { readImageHeader } from "./read.ts";
export {
  type DiskImageFormat,
  type GuestContent,
  type ImageBytes,
  type ImageFact,
  type ImageHeader,
  type InternalSnapshot,
  imageFormats,
  largestVirtualBytes,
  Refused,
} from "./types.ts";
