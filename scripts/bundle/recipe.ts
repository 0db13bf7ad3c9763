/** What a Linux bundle holds: the tables to extend when QEMU needs one more file. Paths are those of Debian's packages. */

export type Architecture = "x86_64" | "aarch64";

export type LinuxHost = {
  platform: "linux-x64" | "linux-arm64";
  architecture: Architecture;
  /** Debian's word for the architecture. */
  debian: "amd64" | "arm64";
  triplet: string;
  loader: string;
};

export const linuxHosts: Record<LinuxHost["platform"], LinuxHost> = {
  "linux-x64": {
    platform: "linux-x64",
    architecture: "x86_64",
    debian: "amd64",
    triplet: "x86_64-linux-gnu",
    loader: "ld-linux-x86-64.so.2",
  },
  "linux-arm64": {
    platform: "linux-arm64",
    architecture: "aarch64",
    debian: "arm64",
    triplet: "aarch64-linux-gnu",
    loader: "ld-linux-aarch64.so.1",
  },
};

/** What one emulated architecture needs beside the emulator. */
export type Guest = {
  emulator: string;
  /** Files for a folder given with `-L`. */
  data: string[];
  /** Flash images, copied under their own names. */
  flash: { uefi: [code: string, vars: string]; secure: [code: string, vars: string] };
  bios?: string;
  microvm?: string;
  packages: string[];
};

export const guests: Record<Architecture, Guest> = {
  x86_64: {
    emulator: "usr/bin/qemu-system-x86_64",
    data: [
      "usr/share/seabios/bios-256k.bin",
      "usr/share/seabios/bios-microvm.bin",
      "usr/share/qemu/qboot.rom",
      "usr/share/qemu/kvmvapic.bin",
      "usr/share/qemu/linuxboot_dma.bin",
      "usr/share/qemu/multiboot_dma.bin",
      "usr/share/qemu/pvh.bin",
    ],
    flash: {
      uefi: ["usr/share/OVMF/OVMF_CODE_4M.fd", "usr/share/OVMF/OVMF_VARS_4M.fd"],
      // The keys of Microsoft and Debian are enrolled in the .ms variables.
      secure: ["usr/share/OVMF/OVMF_CODE_4M.ms.fd", "usr/share/OVMF/OVMF_VARS_4M.ms.fd"],
    },
    bios: "bios-256k.bin",
    microvm: "bios-microvm.bin",
    packages: ["qemu-system-x86", "seabios", "ovmf"],
  },
  aarch64: {
    emulator: "usr/bin/qemu-system-aarch64",
    data: [],
    flash: {
      uefi: ["usr/share/AAVMF/AAVMF_CODE.no-secboot.fd", "usr/share/AAVMF/AAVMF_VARS.fd"],
      secure: ["usr/share/AAVMF/AAVMF_CODE.ms.fd", "usr/share/AAVMF/AAVMF_VARS.ms.fd"],
    },
    packages: ["qemu-system-arm", "qemu-efi-aarch64"],
  },
};

/** Data for every architecture: option ROMs of PCI devices (network boot), VGA BIOSes, and the folder of keymaps. */
export const commonData = [
  "usr/share/qemu/efi-virtio.rom",
  "usr/share/qemu/efi-e1000e.rom",
  "usr/share/qemu/efi-e1000.rom",
  "usr/share/seabios/vgabios-stdvga.bin",
  "usr/share/seabios/vgabios-virtio.bin",
  "usr/share/seabios/vgabios-ramfb.bin",
  "usr/share/seabios/vgabios-bochs-display.bin",
  "usr/share/seabios/vgabios-cirrus.bin",
];
export const keymaps = "usr/share/qemu/keymaps";

/** Programs beside the emulators, by the name in the manifest. */
export const tools: Record<string, string> = {
  "qemu-img": "usr/bin/qemu-img",
  "qemu-storage-daemon": "usr/bin/qemu-storage-daemon",
  swtpm: "usr/bin/swtpm",
  swtpm_setup: "usr/bin/swtpm_setup",
  virtiofsd: "usr/libexec/virtiofsd",
};

/**
 * QEMU's loadable modules to carry. Left out: user interfaces (the screen is VNC), audio back ends,
 * smart cards, USB redirection, and every block driver of qemu-block-extra (images are local files).
 */
export const modules = [
  "hw-display-virtio-gpu.so",
  "hw-display-virtio-gpu-pci.so",
  "hw-display-virtio-vga.so",
  "hw-uefi-vars.so",
  "hw-usb-host.so",
];

/** Libraries nobody names as needed: glibc opens libgcc_s when a thread is cancelled. */
export const openedLibraries = ["libgcc_s.so.1"];

/** Packages to take whole dependencies of. */
export const rootPackages = ["qemu-utils", "swtpm", "swtpm-tools", "virtiofsd", "libstdc++6", "qemu-system-data", "seabios"];

/** Dependencies for maintainer scripts and set-uid helpers, which have no place in a folder of a user. */
export const excludedPackages: ReadonlySet<string> = new Set([
  "adduser",
  "debconf",
  "debianutils",
  "dpkg",
  "gnutls-bin",
  "libgnutls-dane0t64",
  "init-system-helpers",
  "libc6-dev",
  "openssl",
  "openssl-provider-legacy",
  "passwd",
  "perl",
  "perl-base",
  "ucf",
  "uidmap",
]);

/** The Node that runs the service and the command line. */
export const nodeVersion = "24.21.0";

/** Which files of a .deb are unpacked at all: firmware variants and documentation would take 600 MB. */
export function wanted(path: string): boolean {
  // The folder itself is asked for only where it is a symbolic link to another package's.
  if (/^usr\/share\/doc\/[^/]+(\/copyright)?$/.test(path)) return true;
  if (/^usr\/share\/(AAVMF|OVMF)\//.test(path)) return !/snakeoil|strictnx/.test(path);
  if (/^usr\/share\/(qemu|seabios)\/[^/]+\.(bin|rom)$/.test(path)) return true;
  if (path.startsWith(`${keymaps}/`)) return true;
  if (/^(usr\/)?lib(64)?\//.test(path)) return /\.so(\.|$)/.test(path) && !/\/(gconv|security|sasl2|audit)\//.test(path);
  return [...Object.values(tools), ...Object.values(guests).map((guest) => guest.emulator)].includes(path);
}
