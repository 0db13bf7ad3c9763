import { type ImageBytes, type ImageHeader, refuse } from "./types.ts";

/** A file system that begins at the disk's first byte, without partitions: mark, where, name. */
const fileSystems: readonly [string, number, string][] = [
  ["\x53\xef", 1080, "ext2, ext3 or ext4"],
  ["XFSB", 0, "XFS"],
  ["_BHRfS_M", 65_600, "btrfs"],
  ["NTFS    ", 3, "NTFS"],
  ["EXFAT   ", 3, "exFAT"],
  ["FAT12   ", 54, "FAT12"],
  ["FAT16   ", 54, "FAT16"],
  ["FAT32   ", 82, "FAT32"],
  ["SWAPSPACE2", 4086, "Linux swap"],
  ["hsqs", 0, "SquashFS"],
];

/** Formats that are no disks, or disks we do not read. A raw image of theirs would boot nothing. */
const others: readonly [string, number, string][] = [
  ["COWD", 0, "is an ESX server's VMDK part (COWD)"],
  ["QED\0", 0, "is a QED image, a format that QEMU gave up"],
  ["WithoutFreeSpace", 0, "is a Parallels image"],
  ["WithouFreSpacExt", 0, "is a Parallels image"],
  ["LUKS\xba\xbe", 0, "is encrypted (LUKS)"],
  ["\x1f\x8b", 0, "is compressed (gzip)"],
  ["\xfd7zXZ\0", 0, "is compressed (xz)"],
  ["\x28\xb5\x2f\xfd", 0, "is compressed (zstd)"],
  ["BZh", 0, "is compressed (bzip2)"],
  ["PK\x03\x04", 0, "is a ZIP archive"],
  ["7z\xbc\xaf\x27\x1c", 0, "is a 7z archive"],
  ["\x7fELF", 0, "is a program"],
];

export async function otherFormat(bytes: ImageBytes): Promise<string | undefined> {
  return matching(await bytes.read(0, 512), others);
}

/** @param asked the user says it is raw; otherwise something that looks like a disk must be in it */
export async function parseRaw(bytes: ImageBytes, asked: boolean): Promise<ImageHeader> {
  if (bytes.size === 0) refuse("is empty");
  const start = await bytes.read(0, 66_048);
  const fileSystem = matching(start, fileSystems);
  const hasMark = start.length >= 512 && start.readUInt16LE(510) === 0xaa55;
  if (!asked && (bytes.size % 512 !== 0 || (!hasMark && fileSystem === undefined))) refuse("is no disk image that Vivarium knows");
  return {
    format: "raw",
    virtualBytes: Math.ceil(bytes.size / 512) * 512,
    snapshots: [],
    facts: fileSystem === undefined ? [] : [{ name: "file system", value: fileSystem }],
    content: () => (offset, length) => bytes.read(offset, length),
  };
}

function matching(data: Buffer, table: readonly (readonly [string, number, string])[]): string | undefined {
  return table.find(([mark, at]) => data.toString("latin1", at, at + mark.length) === mark)?.[2];
}
