import { BundleError } from "./errors.ts";

/** What the dynamic section of an ELF file names. */
export type ElfNeeds = { needed: string[]; soname: string | undefined };

const ptLoad = 1;
const ptDynamic = 2;
const dtNull = 0n;
const dtNeeded = 1n;
const dtStrtab = 5n;
const dtSoname = 14n;

/**
 * Reads DT_NEEDED and DT_SONAME of a 64-bit little-endian ELF file, for any machine,
 * so that arm64 libraries can be followed on x64. A static file needs nothing.
 */
export function readElfNeeds(file: Buffer, name: string): ElfNeeds {
  if (file.length < 64 || file.readUInt32BE(0) !== 0x7f454c46 || file[4] !== 2 || file[5] !== 1) {
    throw new BundleError("not-elf", `${name} is not a 64-bit ELF file`, "A package has changed: check the recipe.");
  }
  const segments = programHeaders(file);
  const dynamic = segments.find((segment) => segment.type === ptDynamic);
  if (dynamic === undefined) return { needed: [], soname: undefined };
  const entries = dynamicEntries(file, dynamic.offset, dynamic.size);
  const strtab = entries.find(([tag]) => tag === dtStrtab)?.[1];
  if (strtab === undefined) return { needed: [], soname: undefined };
  const strings = fileOffset(segments, Number(strtab));
  const text = (at: bigint): string => {
    const start = strings + Number(at);
    return file.toString("latin1", start, file.indexOf(0, start));
  };
  const soname = entries.find(([tag]) => tag === dtSoname)?.[1];
  return {
    needed: entries.filter(([tag]) => tag === dtNeeded).map(([, at]) => text(at)),
    soname: soname === undefined ? undefined : text(soname),
  };
}

type Segment = { type: number; offset: number; address: number; size: number };

function programHeaders(file: Buffer): Segment[] {
  const table = Number(file.readBigUInt64LE(32));
  const entrySize = file.readUInt16LE(54);
  const count = file.readUInt16LE(56);
  return Array.from({ length: count }, (_, index) => {
    const at = table + index * entrySize;
    return {
      type: file.readUInt32LE(at),
      offset: Number(file.readBigUInt64LE(at + 8)),
      address: Number(file.readBigUInt64LE(at + 16)),
      size: Number(file.readBigUInt64LE(at + 32)),
    };
  });
}

function dynamicEntries(file: Buffer, offset: number, size: number): [bigint, bigint][] {
  const entries: [bigint, bigint][] = [];
  for (let at = offset; at + 16 <= offset + size; at += 16) {
    const tag = file.readBigInt64LE(at);
    if (tag === dtNull) break;
    entries.push([tag, file.readBigUInt64LE(at + 8)]);
  }
  return entries;
}

function fileOffset(segments: Segment[], address: number): number {
  const holder = segments.find(
    (segment) => segment.type === ptLoad && address >= segment.address && address < segment.address + segment.size,
  );
  return holder === undefined ? address : address - holder.address + holder.offset;
}
