import { both16, both32, isoSectorBytes, longTime, padded, sectorsOf, shortTime, ucs2 } from "./fields.ts";
import { alternateName, continuation, extensionReference, posix, sharingProtocol, times } from "./rockRidge.ts";
import { type FileNode, type FolderNode, folders, type IsoEntry, isoTree } from "./tree.ts";

/**
 * Writes an ISO 9660 image (ECMA-119) with Rock Ridge and Joliet: the medium that cloud-init, installers and Windows
 * read. Pure: files in, bytes out. Checked against xorriso, isoinfo and Linux's own driver.
 *
 * Sectors: 16 the primary volume, 17 Joliet's, 18 their end; the path tables of both; the directories of both; one of
 * Rock Ridge's continuation; the files.
 */
export interface IsoOptions {
  /** A–Z, 0–9 and _: as blkid and cloud-init look for it. */
  readonly label: string;
  /** Of everything in it; default now. */
  readonly time?: Date;
  /** The image is filled up to this size. */
  readonly bytes?: number;
}

export type { IsoEntry };
export { isoSectorBytes };

const descriptorSector = 16;

/** One of the two views of the same files: short names with Rock Ridge, or Joliet's. */
interface View {
  readonly joliet: boolean;
  /** In the order of the path table. */
  readonly folders: readonly FolderNode[];
  /** First sector of each folder's records. */
  readonly extents: ReadonlyMap<FolderNode, number>;
  readonly tableBytes: number;
  readonly tableSectors: readonly [little: number, big: number];
}

export function writeIso(entries: readonly IsoEntry[], options: IsoOptions): Buffer {
  const root = isoTree(entries);
  const time = options.time ?? new Date();
  let next = descriptorSector + 3;
  const take = (sectors: number): number => {
    next += sectors;
    return next - sectors;
  };
  const views = [false, true].map((joliet) => layOut(root, joliet, time, take));
  const more = take(1);
  const files = folders(root).flatMap(({ children }) => children.filter((child) => child.kind === "file"));
  for (const file of files) file.extent = take(sectorsOf(file.content.length));
  const image = Buffer.alloc(Math.max(next * isoSectorBytes, options.bytes ?? 0));
  const put = (sector: number, bytes: Buffer): void => void bytes.copy(image, sector * isoSectorBytes);
  const volumeSectors = image.length / isoSectorBytes;
  for (const [index, view] of views.entries()) {
    put(descriptorSector + index, descriptor(view, root, { label: options.label, time, volumeSectors }));
    put(view.tableSectors[0], pathTable(view, "LE"));
    put(view.tableSectors[1], pathTable(view, "BE"));
    for (const [folder, extent] of view.extents) put(extent, records(folder, view, time, more));
  }
  put(descriptorSector + 2, Buffer.concat([Buffer.from([255]), Buffer.from("CD001", "latin1"), Buffer.from([1])]));
  put(more, extensionReference);
  for (const { extent, content } of files) put(extent, content);
  return image;
}

/** How much the records and tables take does not depend on where they lie. */
function layOut(root: FolderNode, joliet: boolean, time: Date, take: (sectors: number) => number): View {
  const ordered = inPathTableOrder(root, joliet);
  const draft: View = {
    joliet,
    folders: ordered,
    extents: new Map(ordered.map((folder) => [folder, 0])),
    tableBytes: 0,
    tableSectors: [0, 0],
  };
  const tableBytes = pathTable(draft, "LE").length;
  const tableSectors = [take(sectorsOf(tableBytes)), take(sectorsOf(tableBytes))] as const;
  const extents = new Map(ordered.map((folder) => [folder, take(sectorsOf(records(folder, draft, time, 0).length))]));
  return { ...draft, extents, tableBytes, tableSectors };
}

/** ECMA-119 6.9.1: by level, then by the parent's number, then by name. */
function inPathTableOrder(root: FolderNode, joliet: boolean): FolderNode[] {
  const ordered: FolderNode[] = [root];
  for (let index = 0; index < ordered.length; index += 1) {
    const children = (ordered[index]?.children ?? []).filter((child) => child.kind === "folder");
    ordered.push(...children.sort((left, right) => Buffer.compare(identifier(left, joliet), identifier(right, joliet))));
  }
  return ordered;
}

function identifier(node: FileNode | FolderNode, joliet: boolean): Buffer {
  return joliet ? ucs2(node.name) : Buffer.from(node.shortName, "latin1");
}

/** ECMA-119 9.4. */
function pathTable(view: View, order: "LE" | "BE"): Buffer {
  const numbers = new Map(view.folders.map((folder, index) => [folder, index + 1]));
  const rows = view.folders.map((folder) => {
    const name = folder.parent === undefined ? Buffer.alloc(1) : identifier(folder, view.joliet);
    const head = Buffer.alloc(8);
    head.writeUInt8(name.length, 0);
    const [extent, parent] = [view.extents.get(folder) ?? 0, numbers.get(folder.parent ?? folder) ?? 1];
    if (order === "LE") head.writeUInt32LE(extent, 2);
    else head.writeUInt32BE(extent, 2);
    if (order === "LE") head.writeUInt16LE(parent, 6);
    else head.writeUInt16BE(parent, 6);
    return Buffer.concat([head, name, Buffer.alloc(name.length % 2)]);
  });
  return Buffer.concat(rows);
}

/** A folder's records (ECMA-119 6.8.1): itself, its parent, its children by name; none goes over a sector's end. */
function records(folder: FolderNode, view: View, time: Date, continuationSector: number): Buffer {
  const parent = folder.parent ?? folder;
  const links = (of: FolderNode) => 2 + of.children.filter(({ kind }) => kind === "folder").length;
  const own = view.joliet ? [] : [posix({ folder: true, mode: 0o755, links: links(folder) }), times(time)];
  const first = view.joliet || folder.parent ? [] : [sharingProtocol, continuation(continuationSector, extensionReference.length)];
  const above = view.joliet ? [] : [posix({ folder: true, mode: 0o755, links: links(parent) }), times(time)];
  const lines = [
    record(Buffer.from([0]), place(folder, view), time, Buffer.concat([...first, ...own])),
    record(Buffer.from([1]), place(parent, view), time, Buffer.concat(above)),
  ];
  const children = folder.children
    .map((child) => ({ child, name: identifier(child, view.joliet) }))
    .sort((left, right) => Buffer.compare(left.name, right.name));
  for (const { child, name } of children) {
    const isFolder = child.kind === "folder";
    const facts = { folder: isFolder, mode: isFolder ? 0o755 : child.mode, links: isFolder ? links(child) : 1 };
    const extra = view.joliet ? [] : [posix(facts), times(time), alternateName(child.name)];
    lines.push(record(name, place(child, view), time, Buffer.concat(extra)));
  }
  return inSectors(lines);
}

interface Place {
  readonly extent: number;
  readonly bytes: number;
  readonly folder: boolean;
}

function place(node: FileNode | FolderNode, view: View): Place {
  if (node.kind === "file") return { extent: node.extent, bytes: node.content.length, folder: false };
  return { extent: view.extents.get(node) ?? 0, bytes: folderBytes(node, view), folder: true };
}

/** What a folder's records take, told from their lengths alone: asking for the records themselves would go on for ever. */
function folderBytes(folder: FolderNode, view: View): number {
  const systemUse = view.joliet ? 0 : 36 + 26;
  const rootUse = view.joliet || folder.parent ? 0 : sharingProtocol.length + 28;
  const lengths = [
    recordLength(1, systemUse + rootUse),
    recordLength(1, systemUse),
    ...folder.children
      .map((child) => ({ child, name: identifier(child, view.joliet) }))
      .sort((left, right) => Buffer.compare(left.name, right.name))
      .map(({ child, name }) => recordLength(name.length, view.joliet ? 0 : systemUse + 5 + Buffer.byteLength(child.name))),
  ];
  let used = 0;
  for (const length of lengths) used = startOf(used, length) + length;
  return sectorsOf(used) * isoSectorBytes;
}

function startOf(used: number, length: number): number {
  const left = isoSectorBytes - (used % isoSectorBytes);
  return length <= left ? used : used + left;
}

function recordLength(nameBytes: number, systemUseBytes: number): number {
  const length = 33 + nameBytes + ((nameBytes + 1) % 2) + systemUseBytes;
  return length + (length % 2);
}

/** ECMA-119 9.1. */
function record(name: Buffer, { extent, bytes, folder }: Place, time: Date, systemUse: Buffer): Buffer {
  const head = Buffer.concat([
    ...[Buffer.alloc(2), both32(extent), both32(bytes), shortTime(time)],
    ...[Buffer.from([folder ? 2 : 0, 0, 0]), both16(1), Buffer.from([name.length]), name, Buffer.alloc((name.length + 1) % 2)],
  ]);
  const line = padded(Buffer.concat([head, systemUse]), recordLength(name.length, systemUse.length));
  line.writeUInt8(line.length, 0);
  return line;
}

function inSectors(lines: readonly Buffer[]): Buffer {
  let used = 0;
  const starts = lines.map((line) => {
    const start = startOf(used, line.length);
    used = start + line.length;
    return start;
  });
  const bytes = Buffer.alloc(sectorsOf(used) * isoSectorBytes);
  for (const [index, line] of lines.entries()) line.copy(bytes, starts[index]);
  return bytes;
}

/** ECMA-119 8.4 and 8.5; Joliet's differs by its type and the escape sequence of UCS-2 level 3. */
function descriptor(view: View, root: FolderNode, volume: { label: string; time: Date; volumeSectors: number }): Buffer {
  const blank = view.joliet ? ucs2(" ") : Buffer.from(" ");
  const text = (value: string, length: number) => padded(view.joliet ? ucs2(value) : Buffer.from(value, "latin1"), length, 0);
  const spaced = (value: string, length: number) => {
    const filled = Buffer.alloc(length);
    for (let at = 0; at + blank.length <= length; at += blank.length) blank.copy(filled, at);
    const bytes = text(value, length);
    bytes.copy(filled, 0, 0, value.length * blank.length);
    return filled;
  };
  const table = (sector: number, order: "LE" | "BE") => {
    const bytes = Buffer.alloc(8);
    if (order === "LE") bytes.writeUInt32LE(sector);
    else bytes.writeUInt32BE(sector);
    return bytes;
  };
  return Buffer.concat([
    ...[Buffer.from([view.joliet ? 2 : 1]), Buffer.from("CD001", "latin1"), Buffer.from([1, 0])],
    ...[spaced("", 32), spaced(volume.label, 32), Buffer.alloc(8), both32(volume.volumeSectors)],
    ...[padded(view.joliet ? Buffer.from("%/E", "latin1") : Buffer.alloc(0), 32), both16(1), both16(1), both16(isoSectorBytes)],
    ...[both32(view.tableBytes), table(view.tableSectors[0], "LE"), table(view.tableSectors[1], "BE")],
    record(Buffer.from([0]), place(root, view), volume.time, Buffer.alloc(0)),
    ...[spaced("", 128), spaced("VIVARIUM", 128), spaced("", 128), spaced("VIVARIUM", 128), spaced("", 37), spaced("", 37), spaced("", 37)],
    ...[longTime(volume.time), longTime(volume.time), longTime(undefined), longTime(undefined), Buffer.from([1])],
  ]);
}
