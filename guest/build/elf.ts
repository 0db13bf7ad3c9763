/** Reads what the build needs of 64-bit little-endian ELF files (both of the guest's architectures). */

interface Section {
  readonly name: string;
  readonly offset: number;
  readonly size: number;
  readonly link: number;
}

export function isElf(data: Buffer): boolean {
  return data.length > 64 && data.readUInt32BE(0) === 0x7f454c46 && data[4] === 2 && data[5] === 1;
}

/** Content of a named section, undefined when there is none. */
export function section(data: Buffer, name: string): Buffer | undefined {
  const found = sections(data).find((candidate) => candidate.name === name);
  return found && data.subarray(found.offset, found.offset + found.size);
}

/** Names of the shared libraries the file asks for (DT_NEEDED). */
export function neededLibraries(data: Buffer): string[] {
  const all = sections(data);
  const dynamic = all.find((candidate) => candidate.name === ".dynamic");
  const strings = dynamic && all[dynamic.link];
  if (!dynamic || !strings) return [];
  const needed: string[] = [];
  for (let at = dynamic.offset; at + 16 <= dynamic.offset + dynamic.size; at += 16) {
    const tag = data.readBigInt64LE(at);
    if (tag === 0n) break;
    if (tag === 1n) needed.push(text(data, strings.offset + Number(data.readBigUInt64LE(at + 8))));
  }
  return needed;
}

/** Path of the dynamic linker the program asks for, undefined when it is static or a library. */
export function interpreter(data: Buffer): string | undefined {
  const found = section(data, ".interp");
  return found && text(found, 0);
}

function sections(data: Buffer): Section[] {
  if (!isElf(data)) return [];
  const table = Number(data.readBigUInt64LE(0x28));
  const entrySize = data.readUInt16LE(0x3a);
  const count = data.readUInt16LE(0x3c);
  const namesIndex = data.readUInt16LE(0x3e);
  const field = (index: number, at: number) => Number(data.readBigUInt64LE(table + index * entrySize + at));
  const names = field(namesIndex, 0x18);
  return Array.from({ length: count }, (_, index) => ({
    name: text(data, names + data.readUInt32LE(table + index * entrySize)),
    offset: field(index, 0x18),
    size: field(index, 0x20),
    link: data.readUInt32LE(table + index * entrySize + 0x28),
  }));
}

function text(data: Buffer, start: number): string {
  return data.toString("latin1", start, data.indexOf(0, start));
}
