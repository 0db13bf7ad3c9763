import { type Entry, type LeftOut, parentOf, same, type Tree, untouched } from "./entry.ts";
import { refusal } from "./safePath.ts";

/** What a pull would do, before any content was looked at. */
export interface PullPlan {
  /** Changed in the guest only (or new there): parents first. */
  readonly take: readonly string[];
  /** Changed on both sides, unless their content is the same. */
  readonly both: readonly string[];
  /** Gone in the guest, untouched here. */
  readonly gone: readonly string[];
  readonly leftOut: readonly LeftOut[];
}

export interface PullSides {
  readonly guest: Tree;
  readonly host: Tree;
  /** What both held after the last sync or pull; undefined: nobody remembers. */
  readonly base: Tree | undefined;
  /** Whether a path is asked for. */
  readonly wanted: (path: string, entry: Entry) => boolean;
}

/** Three sides, file by file: who changed it since both were the same. */
export function planPull({ guest, host, base, wanted }: PullSides): PullPlan {
  const take: string[] = [];
  const both: string[] = [];
  /** One line for a folder, not for each file in it. */
  const refused = new Map<string, string>();
  for (const [path, there] of guest) {
    if (!wanted(path, there)) continue;
    const reason = refusal(path);
    if (reason !== undefined) {
      refused.set(topOf(path), reason);
      continue;
    }
    const here = host.get(path);
    const before = base?.get(path);
    const changedThere = !before || !same(before, there);
    if (here && (same(here, there) || (here.kind === "folder" && there.kind === "folder"))) continue;
    if (!changedThere) continue;
    const changedHere = here ? !before || !untouched(before, here) : before !== undefined || behindOther(host, path);
    (changedHere ? both : take).push(path);
  }
  const gone = [...(base ?? [])]
    .filter(([path, before]) => {
      const here = host.get(path);
      return here && !guest.has(path) && untouched(before, here);
    })
    .map(([path]) => path);
  const leftOut = Array.from(refused, ([path, reason]): LeftOut => ({ path, reason }));
  return { take: take.sort(), both: both.sort(), gone: gone.sort().reverse(), leftOut };
}

/** The first part of a path that is refused. */
function topOf(path: string): string {
  for (let end = path.indexOf("/"); end >= 0; end = path.indexOf("/", end + 1)) if (refusal(path.slice(0, end))) return path.slice(0, end);
  return path;
}

/** Whether something that is no folder stands on the way to a path. */
function behindOther(host: Tree, path: string): boolean {
  for (let parent = parentOf(path); parent !== ""; parent = parentOf(parent)) {
    const there = host.get(parent);
    if (there) return there.kind !== "folder";
  }
  return false;
}
