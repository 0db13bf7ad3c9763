import { inflateSync } from "node:zlib";
import { blockwise, isPowerOfTwo, readExactly, requireVirtualSize, toNumber } from "./bytes.ts";
import { type ImageBytes, type ImageHeader, refuse } from "./types.ts";

/**
 * VMware's disk image, of which one file alone is taken: monolithicSparse and streamOptimized (little-endian, offsets in
 * sectors). Every other kind names further files. Source: VMware's “Virtual Disk Format 5.0”.
 */

export const vmdkMagic = "KDMV";
export const vmdkDescriptorStart = "# Disk DescriptorFile";
const sector = 512;
const atEnd = 0xff_ff_ff_ff_ff_ff_ff_ffn;
/** line ends test, redundant tables, zeroed grains, compressed grains, markers */
const knownFlags = 0x3_00_07;
const zeroedGrains = 0b100;
const compressedGrains = 1 << 16;
const largestDescriptor = 1024 ** 2;
const wholeKinds = ["monolithicSparse", "streamOptimized"];

/** A descriptor alone, as text: its disk is in other files. */
export function refuseDescriptor(text: string): never {
  const kind = /^\s*createType\s*=\s*"?([\w-]+)/im.exec(text)?.[1] ?? "unknown";
  return refuse(`keeps its disk in other files (VMDK ${kind}): only monolithicSparse and streamOptimized are taken`);
}

export async function parseVmdk(bytes: ImageBytes): Promise<ImageHeader> {
  const first = await readExactly(bytes, 0, sector, "header");
  const head = first.readBigUInt64LE(56) === atEnd ? await footer(bytes) : first;
  const version = head.readUInt32LE(4);
  if (version < 1 || version > 3) refuse(`has VMDK version ${version}, which nobody knows`);
  const flags = head.readUInt32LE(8);
  if ((flags & ~knownFlags) !== 0) refuse("needs VMDK features that nobody knows");
  const compression = head.readUInt16LE(77);
  if (compression > 1) refuse("is compressed in a way that nobody knows");
  if (((flags & compressedGrains) !== 0) !== (compression === 1)) refuse("does not say clearly whether it is compressed");
  // QEMU takes a capacity of 0 for “look into the descriptor”, which may name any file.
  const virtualBytes = requireVirtualSize(toNumber(head.readBigUInt64LE(12)) * sector);
  const grainSectors = toNumber(head.readBigUInt64LE(20));
  if (!isPowerOfTwo(grainSectors) || grainSectors < 8 || grainSectors > 65_536) refuse("has impossible grains");
  const tableEntries = head.readUInt32LE(44);
  if (tableEntries < 1 || tableEntries > 512) refuse(`has grain tables of ${tableEntries} entries`);
  const directoryAt = toNumber(head.readBigUInt64LE(56)) * sector;
  const tables = Math.ceil(virtualBytes / sector / grainSectors / tableEntries);
  if (directoryAt + tables * 4 > bytes.size) refuse("is cut off: its grain directory lies beyond its end");
  const kind = await requireWholeDescriptor(bytes, first, virtualBytes);
  const grainBytes = grainSectors * sector;
  return {
    format: "vmdk",
    virtualBytes,
    snapshots: [],
    facts: [
      { name: "subformat", value: kind },
      { name: "grain", value: `${grainBytes / 1024} KiB${compression === 1 ? ", compressed" : ""}` },
    ],
    content: () =>
      blockwise(virtualBytes, grainBytes, async (index, within, length) => {
        const tableAt = (await readExactly(bytes, directoryAt + Math.floor(index / tableEntries) * 4, 4, "grain directory")).readUInt32LE(
          0,
        );
        if (tableAt === 0) return undefined;
        const grain = (await readExactly(bytes, tableAt * sector + (index % tableEntries) * 4, 4, "grain table")).readUInt32LE(0);
        if (grain === 0 || (grain === 1 && (flags & zeroedGrains) !== 0)) return undefined;
        if (compression === 0) return readExactly(bytes, grain * sector + within, length, "data");
        return (await inflatedGrain(bytes, grain * sector, grainBytes)).subarray(within, within + length);
      }),
  };
}

/** A stream that was written in one go has its true header before its last sector. */
async function footer(bytes: ImageBytes): Promise<Buffer> {
  const end = await readExactly(bytes, bytes.size - 3 * sector, 3 * sector, "footer");
  const isFooter = end.readBigUInt64LE(0) === 1n && end.readUInt32LE(8) === 0 && end.readUInt32LE(12) === 3;
  const head = end.subarray(sector, 2 * sector);
  if (!isFooter || head.toString("latin1", 0, 4) !== vmdkMagic || head.readBigUInt64LE(56) === atEnd)
    refuse("is cut off: its footer is missing");
  return head;
}

async function requireWholeDescriptor(bytes: ImageBytes, head: Buffer, virtualBytes: number): Promise<string> {
  const at = toNumber(head.readBigUInt64LE(28)) * sector;
  const length = toNumber(head.readBigUInt64LE(36)) * sector;
  if (at === 0 || length === 0) refuse("has no descriptor: it is a part of a larger VMDK");
  if (length > largestDescriptor) refuse("has an impossible descriptor");
  const raw = await readExactly(bytes, at, length, "descriptor");
  const end = raw.indexOf(0);
  const text = raw.toString("utf8", 0, end < 0 ? raw.length : end);
  const value = (key: string) => new RegExp(`^\\s*${key}\\s*=\\s*"?([^"\\r\\n]*)"?\\s*$`, "im").exec(text)?.[1]?.trim();
  const kind = value("createType") ?? "unknown";
  if (!wholeKinds.includes(kind)) refuseDescriptor(text);
  if ((value("parentCID") ?? "ffffffff").toLowerCase() !== "ffffffff" || value("parentFileNameHint") !== undefined)
    refuse("keeps only what differs from another VMDK (it names a parent)");
  const extents = [...text.matchAll(/^\s*(?:RW|RDONLY|NOACCESS)\s+(\d+)\s+(\w+)(?:\s+"([^"\r\n]*)")?/gim)];
  const [extent] = extents;
  if (!extent || extents.length > 1 || extent[2]?.toUpperCase() !== "SPARSE")
    refuse("keeps its disk in other files (its extents are not its own)");
  if (/[\\/]/.test(extent[3] ?? "")) refuse("keeps its disk in another folder's file");
  if (Number(extent[1]) * sector !== virtualBytes) refuse("contradicts itself about its size");
  return kind;
}

/** A marker (sector number, length) and a zlib stream of at most a grain. */
async function inflatedGrain(bytes: ImageBytes, at: number, grainBytes: number): Promise<Buffer> {
  const length = (await readExactly(bytes, at, 12, "grain")).readUInt32LE(8);
  if (length > grainBytes * 2 + 1024) refuse("has a compressed grain of impossible length");
  const packed = await readExactly(bytes, at + 12, length, "grain");
  try {
    return inflateSync(packed, { maxOutputLength: grainBytes });
  } catch {
    return refuse("is damaged: a compressed grain cannot be read");
  }
}
