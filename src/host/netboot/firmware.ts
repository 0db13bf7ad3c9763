import { type Architecture, type Firmware, vivError } from "../../model/index.ts";
import type { BootFile } from "./bootFile.ts";

/**
 * The firmware that can load this boot file: the one that was asked for, when it can, else the natural one.
 * @throws VivError `usage`: nothing on this machine loads such a file.
 */
export function firmwareForBootFile(
  name: string,
  file: BootFile,
  architecture: Architecture,
  asked: Firmware["type"] | undefined,
): "bios" | "uefi" | "uefi-secure" {
  const natural = architecture === "aarch64" ? "uefi" : "bios";
  if (asked === "direct-kernel")
    throw cannot(name, "a kernel that is loaded directly leaves nothing to boot from the network", "Leave out firmware.type.");
  switch (file.kind) {
    case "other":
      throw vivError(
        "usage",
        `${name} is ${file.looksLike}.`,
        "A boot file is an iPXE script or program, a UEFI program, a PXE boot program or a Linux kernel.",
      );
    case "efi":
      if (file.architecture !== architecture)
        throw cannot(
          name,
          `it is a UEFI program for ${file.architecture ?? "another architecture"}, the machine is ${architecture}`,
          `Give the file for ${architecture}, or --arch.`,
        );
      if (asked === "bios" && !file.linux)
        throw cannot(name, "it is a UEFI program, the machine's firmware a BIOS", "Use --set firmware.type=uefi.");
      return asked ?? (file.linux ? natural : "uefi");
    case "ipxe-script":
    case "linux":
    case "pxe":
      // The firmware's own PXE client has the adapter, not the adapter's iPXE: it loads UEFI programs and nothing else.
      if (architecture === "aarch64" || asked === "uefi" || asked === "uefi-secure")
        throw cannot(
          name,
          "UEFI loads UEFI programs only",
          architecture === "aarch64" ? needsEfi : `${needsEfi} Or use --set firmware.type=bios.`,
        );
      return "bios";
  }
}

const needsEfi = "Give a UEFI program (.efi): iPXE's ipxe.efi reads scripts, GRUB and shim load kernels.";

function cannot(name: string, why: string, hint: string): Error {
  return vivError("usage", `${name} cannot be booted: ${why}.`, hint);
}
