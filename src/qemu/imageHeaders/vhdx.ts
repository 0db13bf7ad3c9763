import { blockwise, crc32c, isPowerOfTwo, plainText, readExactly, requireVirtualSize, toNumber } from "./bytes.ts";
import { type ImageBytes, type ImageHeader, refuse } from "./types.ts";

/** Hyper-V's disk image (little-endian). Source: [MS-VHDX]. */

export const vhdxSignature = "vhdxfile";
const kib = 1024;
const headerAt = [64 * kib, 128 * kib] as const;
const regionTableAt = [192 * kib, 256 * kib] as const;
const regionTableBytes = 64 * kib;
const noGuid = Buffer.alloc(16);

const batRegion = guid("2DC27766-F623-4200-9D64-115E9BFD4A08");
const metadataRegion = guid("8B7CA206-4790-4B9A-B8FE-575F050F886E");
const fileParameters = guid("CAA16737-FA36-4D43-B3B6-33F0AA44E76B");
const virtualDiskSize = guid("2FA54224-CD1B-4876-B211-5DBED83BF4B8");
const logicalSectorSize = guid("8141BF1D-A96F-4709-BA47-F233A8FAAB5F");
const knownItems = new Set([
  fileParameters,
  virtualDiskSize,
  logicalSectorSize,
  guid("CDA348C7-445D-4471-9CC9-E9885251C556"), // physical sector size
  guid("BECA12AB-B2E6-4523-93EF-C309E000C746"), // identifier of the virtual disk
  guid("A8D35F2D-B30B-454D-ABF7-D3D84834AB0C"), // parent locator
]);

interface Region {
  readonly offset: number;
  readonly length: number;
}

export async function parseVhdx(bytes: ImageBytes): Promise<ImageHeader> {
  const identifier = await readExactly(bytes, 0, 520, "identifier");
  await requireCleanLog(bytes);
  const regions = await regionTable(bytes);
  const metadata = regions.get(metadataRegion) ?? refuse("has no metadata");
  const table = regions.get(batRegion) ?? refuse("has no block table");
  const items = await metadataItems(bytes, metadata);
  const parameters = items.get(fileParameters) ?? refuse("does not say how large its blocks are");
  const size = items.get(virtualDiskSize) ?? refuse("does not say how large its disk is");
  const sector = items.get(logicalSectorSize) ?? refuse("does not say how large its sectors are");
  if (parameters.length < 8 || size.length < 8 || sector.length < 4) refuse("has metadata that is too short");
  const blockBytes = parameters.readUInt32LE(0);
  if ((parameters.readUInt32LE(4) & 0b10) !== 0) refuse("keeps only what differs from another VHDX (a differencing image)");
  if (!isPowerOfTwo(blockBytes) || blockBytes < 1024 ** 2 || blockBytes > 256 * 1024 ** 2)
    refuse(`has impossible blocks of ${blockBytes} bytes`);
  const sectorBytes = sector.readUInt32LE(0);
  if (sectorBytes !== 512 && sectorBytes !== 4096) refuse(`has impossible sectors of ${sectorBytes} bytes`);
  const virtualBytes = requireVirtualSize(toNumber(size.readBigUInt64LE(0)));
  // After each chunk of payload blocks the table has one entry for a bitmap block.
  const chunkRatio = (2 ** 23 * sectorBytes) / blockBytes;
  const blocks = Math.ceil(virtualBytes / blockBytes);
  if ((blocks + Math.floor((blocks - 1) / chunkRatio)) * 8 > table.length) refuse("has a block table that does not fit its size");
  return {
    format: "vhdx",
    virtualBytes,
    snapshots: [],
    facts: [
      { name: "subformat", value: (parameters.readUInt32LE(4) & 1) === 1 ? "fixed" : "dynamic" },
      { name: "block", value: `${blockBytes / 1024 ** 2} MiB` },
      { name: "creator", value: plainText(identifier.subarray(8, 520), "utf16le") },
    ],
    content: () =>
      blockwise(virtualBytes, blockBytes, async (index, within, length) => {
        const entry = (
          await readExactly(bytes, table.offset + (index + Math.floor(index / chunkRatio)) * 8, 8, "block table")
        ).readBigUInt64LE(0);
        // States 6 and 7: present; the others read as zeroes.
        if ((entry & 0b111n) < 6n) return undefined;
        return readExactly(bytes, toNumber((entry >> 20n) << 20n) + within, length, "data");
      }),
  };
}

/** Of the two headers the newer sound one counts. A log that was not replayed means the tables are not yet right. */
async function requireCleanLog(bytes: ImageBytes): Promise<void> {
  let newest: Buffer | undefined;
  for (const at of headerAt) {
    const head = await readExactly(bytes, at, 4 * kib, "header");
    if (head.toString("latin1", 0, 4) !== "head" || !checksumHolds(head)) continue;
    if (newest === undefined || head.readBigUInt64LE(8) > newest.readBigUInt64LE(8)) newest = head;
  }
  if (newest === undefined) refuse("is damaged: neither of its headers is sound");
  if (newest.readUInt16LE(66) !== 1) refuse("has a VHDX version that nobody knows");
  if (!newest.subarray(48, 64).equals(noGuid)) refuse("was not closed cleanly: its log must be replayed where it was made");
}

async function regionTable(bytes: ImageBytes): Promise<Map<string, Region>> {
  for (const at of regionTableAt) {
    const table = await readExactly(bytes, at, regionTableBytes, "region table");
    if (table.toString("latin1", 0, 4) !== "regi" || !checksumHolds(table)) continue;
    const count = table.readUInt32LE(8);
    if (count > 2047) refuse("has an impossible region table");
    const regions = new Map<string, Region>();
    for (let index = 0; index < count; index += 1) {
      const entry = table.subarray(16 + index * 32, 48 + index * 32);
      const id = entry.toString("hex", 0, 16);
      const region = { offset: toNumber(entry.readBigUInt64LE(16)), length: entry.readUInt32LE(24) };
      if (id !== batRegion && id !== metadataRegion) {
        if ((entry.readUInt32LE(28) & 1) === 1) refuse("needs a VHDX region that nobody knows");
        continue;
      }
      if (regions.has(id)) refuse("names a region twice");
      if (region.offset + region.length > bytes.size) refuse("is cut off: a region lies beyond its end");
      regions.set(id, region);
    }
    return regions;
  }
  return refuse("is damaged: neither of its region tables is sound");
}

async function metadataItems(bytes: ImageBytes, region: Region): Promise<Map<string, Buffer>> {
  const table = await readExactly(bytes, region.offset, Math.min(region.length, 64 * kib), "metadata table");
  if (table.length < 32 || table.toString("latin1", 0, 8) !== "metadata") refuse("has no metadata table where it should be");
  const count = table.readUInt16LE(10);
  if (32 + count * 32 > table.length) refuse("has an impossible metadata table");
  const items = new Map<string, Buffer>();
  for (let index = 0; index < count; index += 1) {
    const entry = table.subarray(32 + index * 32, 64 + index * 32);
    const id = entry.toString("hex", 0, 16);
    const [offset, length, flags] = [entry.readUInt32LE(16), entry.readUInt32LE(20), entry.readUInt32LE(24)];
    if (!knownItems.has(id)) {
      if ((flags & 0b100) !== 0) refuse("needs VHDX metadata that nobody knows");
      continue;
    }
    if (offset + length > region.length) refuse("has metadata beyond its region");
    items.set(id, await readExactly(bytes, region.offset + offset, Math.min(length, 4096), "metadata"));
  }
  return items;
}

/** The checksum, at byte 4, is counted as zeroes. */
function checksumHolds(data: Buffer): boolean {
  const copy = Buffer.from(data);
  copy.writeUInt32LE(0, 4);
  return crc32c(copy) === data.readUInt32LE(4);
}

/** A GUID as it lies in the file, in hexadecimal: the first three groups are little-endian. */
function guid(text: string): string {
  const [a = "", b = "", c = "", d = "", e = ""] = text.toLowerCase().split("-");
  const reversed = (group: string) => Buffer.from(group, "hex").reverse().toString("hex");
  return `${reversed(a)}${reversed(b)}${reversed(c)}${d}${e}`;
}
