import { type Dirent, lstatSync, readdirSync, readlinkSync, type Stats } from "node:fs";
import { setImmediate as turn } from "node:timers/promises";
import { vivError } from "../model/index.ts";
import { type Entry, isWithin, type LeftOut, type Tree } from "./entry.ts";
import type { Rules } from "./rules.ts";

export interface Scan {
  readonly tree: Tree;
  readonly leftOut: readonly LeftOut[];
  /** Folders that could not be read: what was in them is not known to be gone. */
  readonly unread: ReadonlySet<string>;
}

/** How long others wait at most while a tree is read: the calls are synchronous, four times as fast as the others. */
const sliceMs = 8;

/**
 * Reads a folder of this host. Links are never followed, so that a loop is a link like any other.
 * @throws VivError `not-found`, `io-error` for the folder itself, `cancelled`.
 */
export function scan(root: string, rules: Rules, signal?: AbortSignal): Promise<Scan> {
  return new Scanner(root, rules, signal).whole();
}

/**
 * Reads only the named folders anew (and all of those that are new in them); the rest is as in `before`.
 * @throws VivError as `scan`.
 */
export function rescan(root: string, rules: Rules, before: Scan, folders: Iterable<string>, signal?: AbortSignal): Promise<Scan> {
  return new Scanner(root, rules, signal).again(before, folders);
}

class Scanner {
  readonly #root: string;
  readonly #rules: Rules;
  readonly #signal: AbortSignal | undefined;
  readonly #leftOut: LeftOut[] = [];
  readonly #unread = new Set<string>();
  #tree = new Map<string, Entry>();
  #sliceEnd = performance.now() + sliceMs;

  constructor(root: string, rules: Rules, signal: AbortSignal | undefined) {
    this.#root = root;
    this.#rules = rules;
    this.#signal = signal;
  }

  async whole(): Promise<Scan> {
    const waiting = [""];
    for (let folder = waiting.pop(); folder !== undefined; folder = waiting.pop()) {
      for (const [path, entry] of await this.#folder(folder)) {
        this.#tree.set(path, entry);
        if (entry.kind === "folder") waiting.push(path);
      }
    }
    return this.#result();
  }

  async again(before: Scan, folders: Iterable<string>): Promise<Scan> {
    const asked = [...new Set(folders)];
    this.#tree = new Map(before.tree);
    const below = childrenOf(this.#tree, new Set(asked));
    this.#leftOut.push(...before.leftOut.filter(({ path }) => !asked.some((folder) => isWithin(path, folder))));
    for (const folder of before.unread) if (!asked.some((each) => isWithin(folder, each))) this.#unread.add(folder);
    const waiting = asked.filter((folder) => folder === "" || this.#tree.get(folder)?.kind === "folder");
    for (let folder = waiting.pop(); folder !== undefined; folder = waiting.pop()) {
      const found = await this.#folder(folder);
      for (const path of below.get(folder) ?? []) if (!found.has(path)) this.#forget(path);
      for (const [path, entry] of found) {
        const known = this.#tree.get(path);
        if (known && known.kind !== entry.kind) this.#forget(path);
        this.#tree.set(path, entry);
        if (entry.kind === "folder" && known?.kind !== "folder") waiting.push(path);
      }
    }
    return this.#result();
  }

  #forget(path: string): void {
    const folder = this.#tree.get(path)?.kind === "folder";
    this.#tree.delete(path);
    if (folder) for (const other of this.#tree.keys()) if (other.startsWith(`${path}/`)) this.#tree.delete(other);
  }

  #result(): Scan {
    return { tree: this.#tree, leftOut: this.#leftOut, unread: this.#unread };
  }

  async #folder(folder: string): Promise<Map<string, Entry>> {
    const found = new Map<string, Entry>();
    await this.#breathe();
    let items: Dirent[];
    try {
      items = readdirSync(this.#path(folder), { withFileTypes: true });
    } catch (error) {
      this.#unreadable(folder, error as NodeJS.ErrnoException);
      return found;
    }
    await this.#rules.enter(
      this.#root,
      folder,
      items.map(({ name }) => name),
    );
    for (const item of items) {
      if (performance.now() > this.#sliceEnd) await this.#breathe();
      const path = folder === "" ? item.name : `${folder}/${item.name}`;
      if (this.#rules.ignores(path, item.isDirectory())) continue;
      const entry = this.#entry(path);
      if (entry) found.set(path, entry);
    }
    return found;
  }

  #entry(path: string): Entry | undefined {
    const place = this.#path(path);
    let facts: Stats;
    try {
      facts = lstatSync(place);
      if (facts.isSymbolicLink()) return linkEntry(facts, readlinkSync(place));
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      // Node shows bytes that are no UTF-8 as U+FFFD, and by that name nothing is found.
      if (code === "ENOENT" && path.includes("\uFFFD")) this.#leftOut.push({ path, reason: "its name is not UTF-8" });
      else if (code !== "ENOENT") this.#leftOut.push({ path, reason: message });
      return undefined;
    }
    if (facts.isDirectory()) return factsEntry("folder", facts);
    if (facts.isFile()) return factsEntry("file", facts);
    this.#leftOut.push({ path, reason: "it is a device, socket or pipe" });
    return undefined;
  }

  #unreadable(folder: string, error: NodeJS.ErrnoException): void {
    if (folder !== "") {
      // One that went away meanwhile holds nothing.
      if (error.code === "ENOENT" || error.code === "ENOTDIR") return;
      this.#leftOut.push({ path: folder, reason: error.message });
      this.#unread.add(folder);
      return;
    }
    if (error.code === "ENOENT") throw vivError("not-found", `There is no ${this.#root}.`);
    if (error.code === "ENOTDIR") throw vivError("usage", `${this.#root} is not a folder.`, "A single file is copied with viv cp.");
    throw vivError("io-error", `${this.#root} cannot be read: ${error.message}`, undefined, error);
  }

  #path(path: string): string {
    return path === "" ? this.#root : `${this.#root}/${path}`;
  }

  async #breathe(): Promise<void> {
    if (this.#signal?.aborted) throw vivError("cancelled", "Cancelled.");
    if (performance.now() <= this.#sliceEnd) return;
    await turn();
    this.#sliceEnd = performance.now() + sliceMs;
  }
}

/** The direct children of some folders, found in one pass. */
function childrenOf(tree: Tree, folders: ReadonlySet<string>): Map<string, string[]> {
  const children = new Map<string, string[]>();
  for (const path of tree.keys()) {
    const slash = path.lastIndexOf("/");
    const parent = slash < 0 ? "" : path.slice(0, slash);
    if (!folders.has(parent)) continue;
    const list = children.get(parent);
    if (list) list.push(path);
    else children.set(parent, [path]);
  }
  return children;
}

/** Windows knows no permissions of this kind: everybody may read, the owner may write. */
const modeOf = (kind: Entry["kind"], facts: Stats): number =>
  process.platform === "win32" ? (kind === "folder" ? 0o755 : 0o644) : facts.mode & 0o777;

export function factsEntry(kind: "file" | "folder", facts: Stats): Entry {
  return {
    kind,
    mode: modeOf(kind, facts),
    size: kind === "file" ? facts.size : 0,
    mtimeUs: Math.round(facts.mtimeMs * 1000),
    ctimeUs: kind === "file" ? Math.round(facts.ctimeMs * 1000) : 0,
  };
}

function linkEntry(facts: Stats, target: string): Entry {
  return { kind: "link", mode: 0o777, size: 0, mtimeUs: Math.round(facts.mtimeMs * 1000), ctimeUs: 0, target };
}
