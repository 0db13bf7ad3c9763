/** A file, folder or symbolic link of a tree, without its content. Times are whole microseconds: what both sides keep. */
export interface Entry {
  readonly kind: "file" | "folder" | "link";
  /** Permission bits, 0–0o777. Not compared for links. */
  readonly mode: number;
  /** Bytes; 0 for what is not a file. */
  readonly size: number;
  readonly mtimeUs: number;
  /** When the host's inode last changed; 0 for what was read in a guest. Catches an edit that set the old time again. */
  readonly ctimeUs: number;
  /** What a link says, as it is. */
  readonly target?: string;
}

/** By path below the root, with slashes. Parents come before what lies in them. */
export type Tree = ReadonlyMap<string, Entry>;

/** Times go through Node as floating numbers, which are off by a part of a microsecond. */
const roundingUs = 1;

/** Whether two sides hold the same, as far as can be told without reading content. */
export function same(one: Entry, other: Entry): boolean {
  if (one.kind !== other.kind) return false;
  if (one.kind === "link") return one.target === other.target;
  if (one.mode !== other.mode) return false;
  return one.kind === "folder" || (one.size === other.size && Math.abs(one.mtimeUs - other.mtimeUs) <= roundingUs);
}

/** Whether a file of this host is untouched since it was looked at before. */
export function untouched(before: Entry, now: Entry): boolean {
  return same(before, now) && (now.kind !== "file" || before.ctimeUs === now.ctimeUs);
}

/** What is left out of a tree, and why, in words. */
export interface LeftOut {
  readonly path: string;
  readonly reason: string;
}

export function parentOf(path: string): string {
  const slash = path.lastIndexOf("/");
  return slash < 0 ? "" : path.slice(0, slash);
}

/** Whether `path` is `folder` or lies below it; the root holds everything. */
export function isWithin(path: string, folder: string): boolean {
  return folder === "" || path === folder || path.startsWith(`${folder}/`);
}
