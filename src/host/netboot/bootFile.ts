import { open } from "node:fs/promises";
import type { Architecture } from "../../model/index.ts";

/** What the first thing is that a machine loads from the network. */
export type BootFile =
  /** Text that starts with `#!ipxe`. */
  | { readonly kind: "ipxe-script" }
  /** A UEFI program: iPXE, shim, GRUB, or a kernel that is one. */
  | { readonly kind: "efi"; readonly architecture: Architecture | undefined; readonly linux: boolean }
  /** An x86 Linux kernel that is no UEFI program. */
  | { readonly kind: "linux" }
  /** A boot program for a BIOS (pxelinux.0, undionly.kpxe); such a file has no mark. */
  | { readonly kind: "pxe" }
  | { readonly kind: "other"; readonly looksLike: string };

/** A boot program must fit below 640 KiB together with PXE itself (PXE specification 2.1 §4.4.5). */
const longestPxeBytes = 640 * 1024;

/** Reads what a file is off its first bytes. */
export async function readBootFile(file: string): Promise<BootFile> {
  const handle = await open(file, "r");
  try {
    const head = Buffer.alloc(64 * 1024);
    const { bytesRead } = await handle.read(head, 0, head.length, 0);
    return bootFileOf(head.subarray(0, bytesRead), (await handle.stat()).size);
  } finally {
    await handle.close();
  }
}

export function bootFileOf(head: Buffer, bytes: number): BootFile {
  if (head.subarray(0, 6).toString("latin1") === "#!ipxe") return { kind: "ipxe-script" };
  const linux = has(head, 0x202, "HdrS") || has(head, 56, "ARMd");
  const efi = efiArchitecture(head);
  if (efi !== undefined) return { kind: "efi", architecture: efi.architecture, linux };
  if (linux && has(head, 0x202, "HdrS")) return { kind: "linux" };
  const looksLike = known(head);
  if (looksLike !== undefined) return { kind: "other", looksLike };
  return bytes <= longestPxeBytes ? { kind: "pxe" } : { kind: "other", looksLike: "no boot file: too long for a BIOS to load" };
}

/** A PE image whose subsystem is EFI application (PE format; UEFI 2.10 §2.1.1). */
function efiArchitecture(head: Buffer): { architecture: Architecture | undefined } | undefined {
  if (!has(head, 0, "MZ") || head.length < 0x40) return undefined;
  const header = head.readUInt32LE(0x3c);
  if (header + 96 > head.length || !has(head, header, "PE\0\0")) return undefined;
  if (head.readUInt16LE(header + 24 + 68) !== 10) return undefined;
  const machine = head.readUInt16LE(header + 4);
  return { architecture: machine === 0x8664 ? "x86_64" : machine === 0xaa64 ? "aarch64" : undefined };
}

function known(head: Buffer): string | undefined {
  if (has(head, 0, "\x1f\x8b")) return "packed by gzip: unpack it first";
  if (has(head, 0, "PK")) return "a ZIP archive: unpack it first";
  if (has(head, 32_769, "CD001")) return "an ISO image: use --iso";
  if (has(head, 0, "QFI\xfb")) return "a disk image";
  if (has(head, 0, "\x7fELF")) return "an ELF program";
  return isText(head) ? "text" : undefined;
}

function isText(head: Buffer): boolean {
  return !head.subarray(0, 512).some((byte) => byte === 0 || byte > 126 || (byte < 32 && byte !== 9 && byte !== 10 && byte !== 13));
}

function has(head: Buffer, at: number, mark: string): boolean {
  return head.subarray(at, at + mark.length).toString("latin1") === mark;
}
