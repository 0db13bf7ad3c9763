import type { GuestContent } from "./types.ts";

/** What an EFI system partition can start, by the names the firmware looks for (UEFI specification, 3.5.1.1). */
export interface BootLoaders {
  readonly x86_64: boolean;
  readonly aarch64: boolean;
}

const directoryLimitBytes = 1024 ** 2;

/** Looks into `\EFI\BOOT` of a FAT partition. Neither, when it cannot be read. */
export async function bootLoaders(content: GuestContent, startByte: number): Promise<BootLoaders> {
  const names = await fileNames(content, startByte, ["EFI", "BOOT"]).catch((): string[] => []);
  return { x86_64: names.includes("BOOTX64.EFI"), aarch64: names.includes("BOOTAA64.EFI") };
}

/** Names (8.3, upper case) in a folder of a FAT file system. Source: Microsoft's “FAT32 File System Specification”. */
async function fileNames(content: GuestContent, start: number, path: readonly string[]): Promise<string[]> {
  const boot = await content(start, 512);
  const sectorBytes = boot.readUInt16LE(11);
  const clusterBytes = sectorBytes * boot.readUInt8(13);
  if (![512, 1024, 2048, 4096].includes(sectorBytes) || clusterBytes === 0) return [];
  const reserved = boot.readUInt16LE(14);
  const rootBytes = Math.ceil((boot.readUInt16LE(17) * 32) / sectorBytes) * sectorBytes;
  const fatSectors = boot.readUInt16LE(22) || boot.readUInt32LE(36);
  const sectors = boot.readUInt16LE(19) || boot.readUInt32LE(32);
  const fatAt = start + reserved * sectorBytes;
  const rootAt = fatAt + boot.readUInt8(16) * fatSectors * sectorBytes;
  const dataAt = rootAt + rootBytes;
  const clusters = Math.floor((sectors * sectorBytes - (dataAt - start)) / clusterBytes);
  const bits = clusters < 4085 ? 12 : clusters < 65_525 ? 16 : 32;

  const next = async (cluster: number): Promise<number> => {
    const bytes = await content(fatAt + Math.floor((cluster * bits) / 8), 4);
    if (bits === 32) return bytes.readUInt32LE(0) & 0x0f_ff_ff_ff;
    const value = bytes.readUInt16LE(0);
    return bits === 16 ? value : cluster % 2 === 1 ? value >> 4 : value & 0xfff;
  };
  const chain = async (first: number): Promise<Buffer> => {
    const parts: Buffer[] = [];
    for (let cluster = first; cluster >= 2 && cluster < clusters + 2; cluster = await next(cluster)) {
      parts.push(await content(dataAt + (cluster - 2) * clusterBytes, clusterBytes));
      if (parts.length * clusterBytes >= directoryLimitBytes) break;
    }
    return Buffer.concat(parts);
  };

  let folder = bits === 32 ? await chain(boot.readUInt32LE(44)) : await content(rootAt, rootBytes);
  for (const wanted of path) {
    const found = entriesOf(folder).find(({ name, isFolder }) => isFolder && name === wanted);
    if (!found) return [];
    folder = await chain(found.cluster);
  }
  return entriesOf(folder).map(({ name }) => name);
}

function entriesOf(folder: Buffer): { name: string; isFolder: boolean; cluster: number }[] {
  const entries: { name: string; isFolder: boolean; cluster: number }[] = [];
  for (let at = 0; at + 32 <= folder.length && folder[at] !== 0; at += 32) {
    const attributes = folder.readUInt8(at + 11);
    // Deleted, a long name's part, or the volume's label.
    if (folder[at] === 0xe5 || (attributes & 0x08) !== 0) continue;
    const [stem, extension] = [folder.toString("latin1", at, at + 8).trim(), folder.toString("latin1", at + 8, at + 11).trim()];
    const cluster = folder.readUInt16LE(at + 26) + folder.readUInt16LE(at + 20) * 65_536;
    entries.push({ name: extension ? `${stem}.${extension}` : stem, isFolder: (attributes & 0x10) !== 0, cluster });
  }
  return entries;
}
