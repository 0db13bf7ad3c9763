import { type Definition, firstBootWay, vivError } from "../model/index.ts";
import { pci } from "./board.ts";
import { machineFile } from "./paths.ts";
import type { LaunchContext } from "./types.ts";
import { keyValues, option } from "./words.ts";

/**
 * What a guest is handed at its first boot. cloud-init looks for a file system called CIDATA as early as systemd's
 * generators run, before the drivers of CD-ROM drives are there (Debian's cloud kernel has no AHCI at all): so it is a
 * small read-only virtio disk, behind a hot-plug port, where it can be taken away when the guest has read it.
 */
export const seedNames = { device: "first-boot.device", node: "first-boot.seed", fileNode: "first-boot.seed.file" } as const;

/** The hot-plug port of the seed; disks that come while it is there take others. */
export const seedPort = 3;

/** Does a machine of this definition have the seed's disk? */
export function hasSeed(definition: Pick<Definition, "firstBoot" | "firmware">): boolean {
  return firstBootWay(definition) === "cloud-init";
}

export function seed(definition: Definition, context: LaunchContext): string[] {
  if (!hasSeed(definition)) return [];
  if (context.seed === undefined) throw vivError("internal", "A machine was started without the seed of its first boot.");
  if (definition.disks.some(({ port }) => port === seedPort))
    throw vivError("invalid-definition", `The seed of the first boot needs hot-plug port ${seedPort}.`, "Leave the disk's port out.");
  return [
    ...option("-blockdev", {
      driver: "raw",
      "node-name": seedNames.node,
      "read-only": true,
      file: { driver: "file", "node-name": seedNames.fileNode, filename: machineFile(context, context.seed), "read-only": true },
    }),
    ...option("-device", { driver: "virtio-blk-pci", ...pci.behindPort(seedPort), id: seedNames.device, drive: seedNames.node }),
  ];
}

/** systemd's credentials: strings of SMBIOS type 11, each in a file. */
export function credentialStrings(context: LaunchContext): string[] {
  return (context.credentials ?? []).flatMap((file) => ["-smbios", keyValues(undefined, { type: 11, path: file })]);
}
