import type { Architecture } from "./packages.ts";

/** What goes into the guest: programs, drivers, and the few facts that differ between the architectures. */

/** Programs from the packages, by path in the package; the libraries they need follow by themselves. */
export const PROGRAMS = [
	"/usr/sbin/qemu-ga",
	"/usr/sbin/dropbear",
	"/usr/bin/dropbearkey",
	"/usr/bin/dropbearconvert",
	"/usr/bin/dbclient",
	"/usr/sbin/e2fsck",
	"/usr/sbin/mke2fs",
	"/usr/sbin/resize2fs",
	"/usr/sbin/tune2fs",
] as const;

/** Modules of the memory-only system and of the way to the root disk. */
const MODULES_EARLY = [
	"crc32c_generic",
	"ext4",
	"virtio_blk",
	"virtio_scsi",
	"sd_mod",
	"nvme",
	"ahci",
	"virtio_net",
	"virtio_mmio",
	"virtio_rng",
	"virtio_balloon",
	"virtio_input",
	"qemu_fw_cfg",
	"evdev",
	"button",
	"9p",
	"9pnet_virtio",
	"virtiofs",
	"overlay",
	"vmgenid",
	"e1000e",
	"vsock",
	"vmw_vsock_virtio_transport",
	"i6300esb",
	"virtio_gpu",
	"bochs",
	"usbhid",
	"hid_generic",
	"xhci_pci",
	"loop",
] as const;

/** Further modules of the disk: other adapters, media and what containers and networks need. */
const MODULES_MORE = [
	"virtio_console",
	"virtio_pci",
	"virtio_mem",
	"e1000",
	"ehci_pci",
	"uhci_hcd",
	"usb_storage",
	"uas",
	"sr_mod",
	"isofs",
	"vfat",
	"nls_ascii",
	"nls_cp437",
	"nls_utf8",
	"psmouse",
	"tun",
	"bridge",
	"veth",
	"8021q",
	"dummy",
	"macvlan",
	"squashfs",
	"nbd",
] as const;

interface ArchitectureFacts {
	readonly serial: string;
	readonly modulesEarly: readonly string[];
	/** Kernel command line after the part both share. */
	readonly append: string;
	/** QEMU unpacks a gzip kernel of this architecture itself. */
	readonly gzipKernel: boolean;
}

export const FACTS: Readonly<Record<Architecture, ArchitectureFacts>> = {
	x86_64: {
		serial: "ttyS0",
		modulesEarly: ["pvpanic_pci", "pvpanic_mmio", "crc32c_intel"],
		append: "console=tty0 console=ttyS0,115200 quiet loglevel=3 tsc=reliable no_timer_check",
		gzipKernel: false,
	},
	aarch64: {
		serial: "ttyAMA0",
		modulesEarly: ["gpio_keys"],
		append: "console=tty0 console=ttyAMA0,115200 quiet loglevel=3",
		gzipKernel: true,
	},
};

export function earlyModules(architecture: Architecture): string[] {
	return [...MODULES_EARLY, ...FACTS[architecture].modulesEarly];
}

export function allModules(architecture: Architecture): string[] {
	return [...earlyModules(architecture), ...MODULES_MORE];
}
