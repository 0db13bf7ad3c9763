import { isWithin, same, type Tree, untouched } from "./entry.ts";

/** What makes one tree into another. */
export interface Changes {
  /** To be made or replaced; parents first. */
  readonly put: readonly string[];
  /** To be taken away; what lies in a folder before the folder. */
  readonly remove: readonly string[];
}

/** What changed on this host since `before`. What lies in folders that could not be read is left as it is. */
export function changesSince(before: Tree, now: Tree, unread: ReadonlySet<string>): Changes {
  const put: string[] = [];
  const remove: string[] = [];
  for (const [path, entry] of now) {
    const known = before.get(path);
    if (!known || !untouched(known, entry)) put.push(path);
    if (known && known.kind !== entry.kind) remove.push(path);
  }
  for (const path of before.keys()) if (!now.has(path) && !within(path, unread)) remove.push(path);
  return { put: put.sort(), remove: deepestFirst(remove) };
}

/**
 * What a guest's folder lacks, when it is not known what it holds. Removed is only what came from here once (`ours`):
 * the rest is the guest's own.
 */
export function changesAgainst(guest: Tree, now: Tree, ours: Iterable<string>, unread: ReadonlySet<string>): Changes {
  const put: string[] = [];
  const remove: string[] = [];
  for (const [path, entry] of now) {
    const there = guest.get(path);
    if (!there || !same(there, entry)) put.push(path);
    if (there && there.kind !== entry.kind) remove.push(path);
  }
  for (const path of new Set(ours)) if (guest.has(path) && !now.has(path) && !within(path, unread)) remove.push(path);
  return { put: put.sort(), remove: deepestFirst(remove) };
}

/** A folder that became a file takes its content along: children sort after their parents, so the reverse removes them first. */
function deepestFirst(paths: string[]): string[] {
  return paths.sort().reverse();
}

function within(path: string, folders: ReadonlySet<string>): boolean {
  for (const folder of folders) if (isWithin(path, folder)) return true;
  return false;
}
