import { vivError } from "../../model/index.ts";

/** The files of an ISO as a tree, with the names that each of its three name spaces wants. */

export interface IsoEntry {
  /** Relative, with slashes. Folders on the way are made. */
  readonly path: string;
  readonly content: Buffer;
  /** Permissions; default 0644. */
  readonly mode?: number;
}

interface NodeBase {
  /** As it was given: Rock Ridge's. */
  readonly name: string;
  /** 8.3 of ECMA-119 level 1, made unique. A file's ends with its version. */
  shortName: string;
}

export interface FileNode extends NodeBase {
  readonly kind: "file";
  readonly content: Buffer;
  readonly mode: number;
  extent: number;
}

export interface FolderNode extends NodeBase {
  readonly kind: "folder";
  readonly parent: FolderNode | undefined;
  readonly children: (FileNode | FolderNode)[];
}

/** A record has 255 bytes, of which Rock Ridge's other fields take about 110. */
const nameLimitBytes = 100;
const jolietLimit = 64;

/** @throws VivError `internal` for names that an ISO cannot have. */
export function isoTree(entries: readonly IsoEntry[]): FolderNode {
  const root: FolderNode = { kind: "folder", name: "", shortName: "", parent: undefined, children: [] };
  for (const { path, content, mode } of entries) {
    const parts = path.split("/");
    const name = parts.pop() ?? "";
    for (const part of [...parts, name]) requireName(part, path);
    const folder = parts.reduce(folderIn, root);
    if (folder.children.some((child) => child.name === name)) throw vivError("internal", `${path} is twice in an ISO.`);
    folder.children.push({ kind: "file", name, shortName: "", content, mode: mode ?? 0o644, extent: 0 });
  }
  for (const folder of folders(root)) shorten(folder);
  return root;
}

function requireName(name: string, path: string): void {
  const bad = name === "" || name === "." || name === ".." || name.includes("\0");
  if (bad || Buffer.byteLength(name) > nameLimitBytes || name.length > jolietLimit)
    throw vivError("internal", `${JSON.stringify(path)} cannot be a file of an ISO.`);
}

function folderIn(parent: FolderNode, name: string): FolderNode {
  const found = parent.children.find((child) => child.name === name);
  if (found?.kind === "folder") return found;
  if (found) throw vivError("internal", `${name} is a file and a folder of an ISO.`);
  const folder: FolderNode = { kind: "folder", name, shortName: "", parent, children: [] };
  parent.children.push(folder);
  return folder;
}

/** The root first, then level by level: the order of path tables (ECMA-119 6.9.1), where siblings stand by name. */
export function folders(root: FolderNode): FolderNode[] {
  const all: FolderNode[] = [root];
  for (let index = 0; index < all.length; index += 1) {
    for (const child of all[index]?.children ?? []) if (child.kind === "folder") all.push(child);
  }
  return all;
}

/** ECMA-119 7.5 and 7.6: A–Z, 0–9 and _, eight characters and three. */
function shorten(folder: FolderNode): void {
  const taken = new Set<string>();
  for (const child of folder.children) {
    const [base = "", extension = ""] = splitName(child.name);
    for (let count = 0; ; count += 1) {
      const mark = count === 0 ? "" : String(count);
      const stem = `${base.slice(0, 8 - mark.length)}${mark}` || "_";
      const name = child.kind === "folder" ? stem : `${stem}.${extension};1`;
      if (taken.has(name)) continue;
      taken.add(name);
      child.shortName = name;
      break;
    }
  }
}

function splitName(name: string): [string, string] {
  const dot = name.lastIndexOf(".");
  const clean = (text: string) => text.toUpperCase().replace(/[^A-Z0-9_]/g, "_");
  return dot > 0 ? [clean(name.slice(0, dot)), clean(name.slice(dot + 1)).slice(0, 3)] : [clean(name), ""];
}
