/** The content of a file system, held in memory: absolute path without a trailing slash → what is there. */
export type Tree = Map<string, TreeEntry>;

export type TreeEntry =
  | { readonly type: "directory"; readonly mode: number }
  | { readonly type: "file"; readonly mode: number; readonly data: Buffer }
  | { readonly type: "symlink"; readonly target: string }
  | { readonly type: "character"; readonly mode: number; readonly major: number; readonly minor: number };

/** Adds an entry and the directories above it. */
export function add(tree: Tree, path: string, entry: TreeEntry): void {
  if (!/^(?:\/[^/\s"\\]+)+$/.test(path)) throw new Error(`not a plain absolute path: ${JSON.stringify(path)}`);
  const parent = path.slice(0, path.lastIndexOf("/"));
  const above = parent ? tree.get(parent) : undefined;
  if (above && above.type !== "directory") throw new Error(`${path}: ${parent} is not a directory`);
  if (parent && !above) add(tree, parent, { type: "directory", mode: 0o755 });
  tree.set(path, entry);
}

export function addDirectory(tree: Tree, path: string, mode = 0o755): void {
  add(tree, path, { type: "directory", mode });
}

export function addFile(tree: Tree, path: string, data: Buffer | string, mode = 0o644): void {
  add(tree, path, { type: "file", mode, data: Buffer.from(data) });
}

export function addSymlink(tree: Tree, path: string, target: string): void {
  add(tree, path, { type: "symlink", target });
}

/** Entries in a fixed order, a directory before what it holds. */
export function sorted(tree: Tree): [string, TreeEntry][] {
  return [...tree].sort(([a], [b]) => (a < b ? -1 : 1));
}
