import type { Architecture, Firmware } from "../../model/index.ts";

const scripts = ["boot.ipxe", "menu.ipxe", "autoexec.ipxe"];
const biosPrograms = ["pxelinux.0", "lpxelinux.0", "ipxe.pxe", "undionly.kpxe", "netboot.xyz.kpxe"];
const uefiPrograms: Readonly<Record<Architecture, readonly string[]>> = {
  x86_64: ["shimx64.efi", "bootx64.efi", "grubx64.efi", "ipxe.efi", "snponly.efi", "netboot.xyz.efi"],
  aarch64: ["shimaa64.efi", "bootaa64.efi", "grubaa64.efi", "ipxe-arm64.efi", "snponly-arm64.efi", "netboot.xyz-arm64.efi"],
};

/** Names that boot files usually have, for what this machine can load; the first that is there is taken. */
export function bootNames(machine: { architecture: Architecture; firmware: Firmware["type"] | undefined }): readonly string[] {
  const uefi = uefiPrograms[machine.architecture];
  if (machine.architecture === "aarch64" || machine.firmware === "uefi" || machine.firmware === "uefi-secure") return uefi;
  if (machine.firmware === "bios") return [...biosPrograms, ...scripts];
  return [...biosPrograms, ...scripts, ...uefi];
}

export interface KernelAndInitrd {
  readonly kernel: string;
  readonly initrds: readonly string[];
  /** Words of the kernel command line that its installer needs. */
  append(address: URL): readonly string[];
}

const nothing = () => [];
const initrds = (folder: string) => ["initrd.gz", "initrd.img", "initrd"].map((name) => `${folder}${name}`);

/** Kernel and initrd of installers, below the address of a distribution or beside it. */
export const installTrees: readonly KernelAndInitrd[] = [
  { kernel: "linux", initrds: initrds(""), append: nothing },
  { kernel: "vmlinuz", initrds: initrds(""), append: nothing },
  // Debian and its children: dists/SUITE/, and the netboot folder of one image.
  ...["main/installer-amd64/current/images/netboot/", "current/images/netboot/", ""].map((folder) => ({
    kernel: `${folder}debian-installer/amd64/linux`,
    initrds: [`${folder}debian-installer/amd64/initrd.gz`],
    append: nothing,
  })),
  // Fedora and its children without a description.
  { kernel: "images/pxeboot/vmlinuz", initrds: ["images/pxeboot/initrd.img"], append: (address) => [`inst.repo=${address.href}`] },
];

/** What a `.treeinfo` says (an INI file): section `images-ARCH`, keys kernel and initrd; paths below the tree only. */
export function treeInfo(text: string, architecture: Architecture): KernelAndInitrd | undefined {
  const sections = text.split(/^\s*\[/m).map((part) => part.split("\n"));
  const images = sections.find(([title]) => title?.trim() === `images-${architecture}]`);
  const value = (lines: readonly string[] | undefined, key: string) =>
    lines?.map((line) => new RegExp(`^\\s*${key}\\s*=\\s*(\\S.*?)\\s*$`).exec(line)?.[1]).find((found) => found !== undefined);
  const [kernel, initrd] = [value(images, "kernel"), value(images, "initrd")];
  if (kernel === undefined || initrd === undefined || ![kernel, initrd].every(isBelow)) return undefined;
  const general = sections.find(([title]) => title?.trim() === "general]");
  const word = /suse/i.test(`${value(general, "family")} ${value(general, "name")}`) ? "install" : "inst.repo";
  return { kernel, initrds: [initrd], append: (address) => [`${word}=${address.href}`] };
}

function isBelow(path: string): boolean {
  return /^[\w./+-]+$/.test(path) && !path.startsWith("/") && !path.split("/").includes("..");
}
