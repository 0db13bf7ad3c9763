import { type SnapshotRecord, type SnapshotsFile, snapshotNamePattern, vivError } from "../../model/index.ts";

/** Questions about the tree of snapshots. Pure. A removed snapshot is out of sight until it is emptied or comes back. */

export function visible(file: SnapshotsFile): SnapshotRecord[] {
  return file.snapshots.filter((snapshot) => snapshot.removedAt === undefined);
}

/** By id or name; a removed one only where `removed` asks for it. @throws VivError `not-found`, with the names there are. */
export function findSnapshot(file: SnapshotsFile, nameOrId: string, options: { removed?: boolean } = {}): SnapshotRecord {
  const among = options.removed ? file.snapshots.filter((each) => each.removedAt !== undefined) : visible(file);
  const found = among.findLast((each) => each.name === nameOrId) ?? among.find((each) => each.id === nameOrId);
  if (found) return found;
  const names = among.map(({ name }) => name);
  throw vivError(
    "not-found",
    `There is no ${options.removed ? "removed " : ""}snapshot “${nameOrId}”.`,
    names.length === 0 ? "There are none." : `There ${names.length === 1 ? "is" : "are"}: ${names.slice(-10).join(", ")}.`,
  );
}

/** The nearest one above that is not removed. */
export function visibleParent(file: SnapshotsFile, parent: string | undefined): string | undefined {
  return parentFinder(file)(parent);
}

/** `visibleParent` for many: the records are indexed once. */
function parentFinder(file: SnapshotsFile): (parent: string | undefined) => string | undefined {
  const byId = new Map(file.snapshots.map((each) => [each.id, each]));
  return (parent) => {
    let at = parent === undefined ? undefined : byId.get(parent);
    while (at && at.removedAt !== undefined) at = at.parent === undefined ? undefined : byId.get(at.parent);
    return at?.id;
  };
}

/** Who grew from whom, counting through removed ones: ids by the parent's id; roots by the empty text. */
export function familyOf(file: SnapshotsFile): {
  parentOf(id: string | undefined): string | undefined;
  children: ReadonlyMap<string, readonly string[]>;
} {
  const find = parentFinder(file);
  const children = new Map<string, string[]>();
  for (const { id, parent } of visible(file)) {
    const above = find(parent) ?? "";
    children.set(above, [...(children.get(above) ?? []), id]);
  }
  return { parentOf: find, children };
}

/** The snapshot and everything that grew from it, parents first. */
export function branchOf(file: SnapshotsFile, id: string): SnapshotRecord[] {
  const members = new Set([id]);
  for (const each of parentsFirst(file)) if (each.parent !== undefined && members.has(each.parent)) members.add(each.id);
  return parentsFirst(file).filter((each) => members.has(each.id));
}

/** Parents before children, else in order of time. Records whose parent is gone are roots. */
export function parentsFirst(file: SnapshotsFile): SnapshotRecord[] {
  const known = new Set(file.snapshots.map(({ id }) => id));
  const children = new Map<string, SnapshotRecord[]>();
  for (const snapshot of file.snapshots) {
    const parent = snapshot.parent !== undefined && known.has(snapshot.parent) ? snapshot.parent : "";
    const siblings = children.get(parent);
    if (siblings) siblings.push(snapshot);
    else children.set(parent, [snapshot]);
  }
  const ordered: SnapshotRecord[] = [];
  const waiting = [...(children.get("") ?? [])].reverse();
  for (let next = waiting.pop(); next; next = waiting.pop()) {
    ordered.push(next);
    waiting.push(...[...(children.get(next.id) ?? [])].reverse());
  }
  return ordered;
}

/** @throws VivError `invalid-name`, `exists`. */
export function requireNewName(file: SnapshotsFile, name: string, except?: string): string {
  if (!snapshotNamePattern.test(name)) {
    throw vivError(
      "invalid-name",
      `“${name}” cannot be a snapshot's name.`,
      "A name has letters, digits, dots, hyphens and underscores, begins with a letter or digit, and has at most 63 characters.",
    );
  }
  if (file.snapshots.some((each) => each.id !== except && (each.id === name || (each.removedAt === undefined && each.name === name))))
    throw vivError("exists", `There is a snapshot ${name} already.`, "Choose another name, or remove that one first.");
  return name;
}

/** `s1`, `s2`, …: one more than the highest there ever was among the known. */
export function freshName(file: SnapshotsFile, prefix = "s"): string {
  const numbers = file.snapshots.flatMap(({ name }) => {
    const rest = name.startsWith(prefix) ? name.slice(prefix.length) : "";
    return /^\d{1,9}$/.test(rest) ? [Number(rest)] : [];
  });
  return `${prefix}${Math.max(0, ...numbers) + 1}`;
}
