import { crc32 } from "node:zlib";
import { plainText, toNumber } from "./bytes.ts";
import type { GuestContent } from "./types.ts";

/** The partitions of a disk: MBR with its chain of logical ones, GPT by its main table or else its copy at the end. */
export interface Partition {
  readonly number: number;
  /** In words: `EFI system`, `Linux`. */
  readonly type: string;
  readonly label?: string;
  readonly startByte: number;
  readonly bytes: number;
  readonly bootable: boolean;
}

const mostPartitions = 128;
const extendedTypes = new Set([0x05, 0x0f, 0x85]);
const protectiveType = 0xee;

/** Empty for a disk without a table that we know, or with one that makes no sense. */
export async function readPartitions(content: GuestContent, virtualBytes: number): Promise<Partition[]> {
  const first = await content(0, 512);
  if (first.length < 512 || first.readUInt16LE(510) !== 0xaa55) return [];
  const entries = mbrEntries(first);
  if (entries.some(({ type }) => type === protectiveType)) return gpt(content, virtualBytes);
  return mbr(content, entries, virtualBytes);
}

interface MbrEntry {
  readonly status: number;
  readonly type: number;
  readonly start: number;
  readonly sectors: number;
}

function mbrEntries(sector: Buffer): MbrEntry[] {
  return [446, 462, 478, 494].map((at) => ({
    status: sector.readUInt8(at),
    type: sector.readUInt8(at + 4),
    start: sector.readUInt32LE(at + 8),
    sectors: sector.readUInt32LE(at + 12),
  }));
}

async function mbr(content: GuestContent, entries: readonly MbrEntry[], virtualBytes: number): Promise<Partition[]> {
  // A file system's boot sector ends in the same mark; what lies there then makes no partitions.
  const sensible = entries.every(
    ({ status, type, start, sectors }) => type === 0 || ((status & 0x7f) === 0 && start > 0 && (start + sectors) * 512 <= virtualBytes),
  );
  if (!sensible) return [];
  const partitions: Partition[] = [];
  for (const [index, entry] of entries.entries())
    if (entry.type !== 0 && entry.sectors > 0) partitions.push(ofMbr(index + 1, entry, entry.start));
  for (const entry of entries) if (extendedTypes.has(entry.type)) partitions.push(...(await logical(content, entry, virtualBytes)));
  return partitions;
}

/** Each logical partition has a table of its own that names the next one, relative to the extended partition. */
async function logical(content: GuestContent, extended: MbrEntry, virtualBytes: number): Promise<Partition[]> {
  const partitions: Partition[] = [];
  let at = extended.start;
  const seen = new Set<number>();
  while (partitions.length < mostPartitions && !seen.has(at) && at * 512 < virtualBytes) {
    seen.add(at);
    const table = await content(at * 512, 512);
    if (table.readUInt16LE(510) !== 0xaa55) break;
    const [own, next] = mbrEntries(table);
    if (own && own.type !== 0 && own.sectors > 0) partitions.push(ofMbr(5 + partitions.length, own, at + own.start));
    if (!next || !extendedTypes.has(next.type)) break;
    at = extended.start + next.start;
  }
  return partitions;
}

function ofMbr(number: number, { type, status, sectors }: MbrEntry, start: number): Partition {
  const known = mbrTypes[type] ?? `type 0x${type.toString(16).padStart(2, "0")}`;
  return { number, type: known, startByte: start * 512, bytes: sectors * 512, bootable: status === 0x80 };
}

async function gpt(content: GuestContent, virtualBytes: number): Promise<Partition[]> {
  for (const sectorBytes of [512, 4096])
    for (const at of [sectorBytes, Math.floor(virtualBytes / sectorBytes - 1) * sectorBytes]) {
      const found = await gptTable(content, at, sectorBytes, virtualBytes);
      if (found) return found;
    }
  return [];
}

/** Undefined for a header or table whose checksum does not hold (UEFI specification, 5.3). */
async function gptTable(content: GuestContent, at: number, sectorBytes: number, virtualBytes: number): Promise<Partition[] | undefined> {
  if (at <= 0 || at + 512 > virtualBytes) return undefined;
  const header = await content(at, 512);
  const headerBytes = header.readUInt32LE(12);
  if (header.toString("latin1", 0, 8) !== "EFI PART" || headerBytes < 92 || headerBytes > 512) return undefined;
  const summed = Buffer.from(header.subarray(0, headerBytes));
  summed.writeUInt32LE(0, 16);
  if (crc32(summed) !== header.readUInt32LE(16)) return undefined;
  const tableAt = toNumber(header.readBigUInt64LE(72)) * sectorBytes;
  const [count, entryBytes] = [header.readUInt32LE(80), header.readUInt32LE(84)];
  if (count > 1024 || entryBytes < 128 || entryBytes > 4096 || tableAt + count * entryBytes > virtualBytes) return undefined;
  const table = await content(tableAt, count * entryBytes);
  if (crc32(table) !== header.readUInt32LE(88)) return undefined;
  return Array.from({ length: count }, (_, index) => ofGpt(index + 1, table.subarray(index * entryBytes), sectorBytes)).filter(
    (partition) => partition !== undefined,
  );
}

function ofGpt(number: number, entry: Buffer, sectorBytes: number): Partition | undefined {
  const id = guidText(entry);
  if (id === "00000000-0000-0000-0000-000000000000") return undefined;
  const [first, last] = [toNumber(entry.readBigUInt64LE(32)), toNumber(entry.readBigUInt64LE(40))];
  if (last < first || !Number.isFinite(last)) return undefined;
  const type = gptTypes[id] ?? `type ${id}`;
  const label = plainText(entry.subarray(56, 128), "utf16le");
  const legacyBoot = (entry.readBigUInt64LE(48) & 0b100n) !== 0n;
  return {
    number,
    type,
    ...(label ? { label } : {}),
    startByte: first * sectorBytes,
    bytes: (last - first + 1) * sectorBytes,
    bootable: type === efiSystem || legacyBoot,
  };
}

function guidText(data: Buffer): string {
  const reversed = (from: number, to: number) => Buffer.from(data.subarray(from, to)).reverse().toString("hex");
  return `${reversed(0, 4)}-${reversed(4, 6)}-${reversed(6, 8)}-${data.toString("hex", 8, 10)}-${data.toString("hex", 10, 16)}`;
}

export const efiSystem = "EFI system";

const mbrTypes: Record<number, string> = {
  1: "FAT12",
  4: "FAT16",
  5: "extended",
  6: "FAT16",
  7: "NTFS or exFAT",
  11: "FAT32",
  12: "FAT32",
  14: "FAT16",
  15: "extended",
  130: "Linux swap",
  131: "Linux",
  133: "extended",
  142: "Linux LVM",
  165: "FreeBSD",
  166: "OpenBSD",
  169: "NetBSD",
  175: "Apple HFS",
  239: efiSystem,
  253: "Linux RAID",
};

/** Type GUIDs: the UEFI specification, Microsoft's list, the Discoverable Partitions Specification. */
const gptTypes: Record<string, string> = {
  "c12a7328-f81f-11d2-ba4b-00a0c93ec93b": efiSystem,
  "21686148-6449-6e6f-744e-656564454649": "BIOS boot",
  "0fc63daf-8483-4772-8e79-3d69d8477de4": "Linux",
  "4f68bce3-e8cd-4db1-96e7-fbcaf984b709": "Linux root (x86_64)",
  "b921b045-1df0-41c3-af44-4c6f280d3fae": "Linux root (aarch64)",
  "933ac7e1-2eb4-4f13-b844-0e14e2aef915": "Linux home",
  "bc13c2ff-59e6-4262-a352-b275fd6f7172": "Linux boot",
  "0657fd6d-a4ab-43c4-84e5-0933c84b4f4f": "Linux swap",
  "e6d6d379-f507-44c2-a23c-238f2a3df928": "Linux LVM",
  "a19d880f-05fc-4d3b-a006-743f0f84911e": "Linux RAID",
  "e3c9e316-0b5c-4db8-817d-f92df00215ae": "Microsoft reserved",
  "ebd0a0a2-b9e5-4433-87c0-68b6b72699c7": "Microsoft data",
  "de94bba4-06d1-4d40-a16a-bfd50179d6ac": "Windows recovery",
  "516e7cb4-6ecf-11d6-8ff8-00022d09712b": "FreeBSD",
  "516e7cb6-6ecf-11d6-8ff8-00022d09712b": "FreeBSD UFS",
  "516e7cba-6ecf-11d6-8ff8-00022d09712b": "FreeBSD ZFS",
  "7c3457ef-0000-11aa-aa11-00306543ecac": "Apple APFS",
  "48465300-0000-11aa-aa11-00306543ecac": "Apple HFS+",
};
