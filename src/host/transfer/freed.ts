import { lstat, readdir } from "node:fs/promises";
import { join } from "node:path";

/** Bytes of the host that come free with a folder: a file that has another name elsewhere stays. */
export async function freedByRemoving(folder: string): Promise<number> {
  const names = await readdir(folder, { recursive: true }).catch(() => []);
  const inside = new Map<number, { bytes: number; links: number; seen: number }>();
  for (const name of names) {
    const found = await lstat(join(folder, name)).catch(() => undefined);
    if (!found?.isFile()) continue;
    const known = inside.get(found.ino) ?? {
      bytes: found.blocks === undefined ? found.size : found.blocks * 512,
      links: found.nlink,
      seen: 0,
    };
    inside.set(found.ino, { ...known, seen: known.seen + 1 });
  }
  return [...inside.values()].reduce((sum, { bytes, links, seen }) => sum + (seen >= links ? bytes : 0), 0);
}
