import { type CheckedImage, withBytes } from "../../machine/index.ts";
import type { Architecture } from "../../model/index.ts";
import { bootLoaders, efiSystem, Refused, readImageHeader, readPartitions } from "../../qemu/index.ts";

/** What a disk says about the machine it is for. */
export interface Guess {
  readonly architecture: Architecture | undefined;
  readonly firmware: "bios" | "uefi" | undefined;
  /** Why, in words. */
  readonly because: string;
}

/** Looks at the partitions and at what firmware would start from them. Undefined where nothing can be told. */
export async function guessMachine(image: CheckedImage): Promise<Guess> {
  return withBytes(image, async (bytes) => {
    const { content, virtualBytes } = await readImageHeader(bytes, image.format);
    if (content === undefined || virtualBytes === undefined)
      return { architecture: undefined, firmware: undefined, because: "its disk cannot be looked into" };
    const read = content();
    const partitions = await readPartitions(read, virtualBytes);
    const efi = partitions.find(({ type }) => type === efiSystem);
    if (efi) {
      const loaders = await bootLoaders(read, efi.startByte);
      if (loaders.aarch64 !== loaders.x86_64)
        return {
          architecture: loaders.aarch64 ? "aarch64" : "x86_64",
          firmware: "uefi",
          because: `its EFI partition has a boot loader for ${loaders.aarch64 ? "aarch64" : "x86_64"}`,
        } as const;
      const arm = partitions.some(({ type }) => type === "Linux root (aarch64)");
      return { architecture: arm ? "aarch64" : undefined, firmware: "uefi", because: "it has an EFI partition" } as const;
    }
    if (partitions.length > 0) return { architecture: "x86_64", firmware: "bios", because: "it has partitions, and none for EFI" } as const;
    return { architecture: undefined, firmware: undefined, because: "it has no partitions" };
  }).catch((error: unknown) => {
    if (error instanceof Refused) return { architecture: undefined, firmware: undefined, because: `its disk ${error.message}` };
    throw error;
  });
}
