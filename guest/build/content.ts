import type { Architecture } from "./packages.ts";

/** What goes into the guest: programs, drivers, and the few facts that differ between the architectures. */

/** Programs from the packages, by path in the package; the libraries they need follow by themselves. */
export const PROGRAMS = [
  "/usr/sbin/qemu-ga",
  "/usr/sbin/dropbear",
  "/usr/bin/dropbearkey",
  "/usr/bin/dropbearconvert",
  "/usr/bin/dbclient",
  "/usr/sbin/mke2fs",
  "/usr/sbin/resize2fs",
] as const;

/** Programs the memory-only system does without: without a disk there is no file system to look after. */
export const DISK_PROGRAMS: ReadonlySet<string> = new Set(["dbclient", "mke2fs", "resize2fs"]);

/** Modules of every boot, kept unpacked; all others stay packed (xz) until they are wanted. */
export const HOT_MODULES: readonly string[] = ["crc32c_generic", "ext4", "virtio_blk", "virtio_net", "qemu_fw_cfg"];

const MODULES = [
  // disks and media
  "virtio_scsi",
  "sd_mod",
  "sr_mod",
  "nvme",
  "ahci",
  "usb_storage",
  "uas",
  "loop",
  "isofs",
  "vfat",
  "nls_ascii",
  "nls_cp437",
  "nls_utf8",
  "overlay",
  "squashfs",
  // shared folders
  "9p",
  "9pnet_virtio",
  "virtiofs",
  // networks
  "e1000",
  "e1000e",
  "tun",
  "bridge",
  "veth",
  "8021q",
  "dummy",
  "macvlan",
  "vsock",
  "vmw_vsock_virtio_transport",
  // the machine
  "virtio_pci",
  "virtio_mmio",
  "virtio_console",
  "virtio_rng",
  "virtio_balloon",
  "virtio_mem",
  "vmgenid",
  "i6300esb",
  "efivarfs",
  "button",
  // screen and input
  "virtio_gpu",
  "bochs",
  "virtio_input",
  "evdev",
  "psmouse",
  "hid_generic",
  "usbhid",
  "xhci_pci",
  "ehci_pci",
] as const;

interface ArchitectureFacts {
  readonly serial: string;
  readonly modules: readonly string[];
  /** Kernel command line after the part both share. */
  readonly append: string;
  /** QEMU unpacks a gzip kernel of this architecture itself. */
  readonly gzipKernel: boolean;
}

export const FACTS: Readonly<Record<Architecture, ArchitectureFacts>> = {
  x86_64: {
    serial: "ttyS0",
    modules: ["pvpanic_pci", "pvpanic_mmio", "crc32c_intel", "uhci_hcd"],
    append: "console=tty0 console=ttyS0,115200 quiet loglevel=3 tsc=reliable no_timer_check cryptomgr.notests",
    gzipKernel: false,
  },
  aarch64: {
    serial: "ttyAMA0",
    modules: ["gpio_keys"],
    append: "console=tty0 console=ttyAMA0,115200 quiet loglevel=3 cryptomgr.notests",
    gzipKernel: true,
  },
};

export function moduleList(architecture: Architecture): string[] {
  return [...HOT_MODULES, ...MODULES, ...FACTS[architecture].modules];
}
