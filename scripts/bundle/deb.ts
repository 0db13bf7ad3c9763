import { mkdir, readdir, readlink, stat } from "node:fs/promises";
import { join, posix } from "node:path";
import { pipeline } from "node:stream/promises";
import { execa } from "execa";
import { extract } from "tar";
import { once } from "./cache.ts";

/**
 * Unpacks the wanted files of a .deb into the cache, once.
 *
 * @param wanted is asked with each path, without a leading `./`
 * @param recipe names the version of `wanted`, so that a change of it unpacks anew
 * @returns the folder
 */
export async function unpackDeb(
  deb: string,
  cache: string,
  sha256: string,
  recipe: string,
  wanted: (path: string) => boolean,
): Promise<string> {
  return once(join(cache, "unpacked", recipe, sha256), async (folder) => {
    await mkdir(folder, { recursive: true });
    const child = execa("dpkg-deb", ["--fsys-tarfile", deb], { encoding: "buffer", buffer: false, stderr: "inherit" });
    const filter = (path: string, entry: unknown): boolean =>
      !(typeof entry === "object" && entry !== null && "type" in entry && entry.type === "Directory") && wanted(path.replace(/^\.\//, ""));
    await pipeline(child.stdout, extract({ cwd: folder, filter, preserveOwner: false, noMtime: true }));
    await child;
  });
}

/** The unpacked packages seen as one tree, though each lies in its own folder. */
export type PackageTree = {
  /** The package that has the path (no leading slash), and the real file behind it; symbolic links are followed. */
  find: (path: string) => Promise<FoundFile | undefined>;
  /** Paths of the files directly in a folder, sorted. */
  list: (folder: string) => Promise<string[]>;
};
export type FoundFile = { packageName: string; file: string };

/** @param roots package name → folder it was unpacked to */
export function packageTree(roots: ReadonlyMap<string, string>): PackageTree {
  const find = async (path: string, hops = 0): Promise<FoundFile | undefined> => {
    if (hops > 10) return undefined;
    for (const [packageName, root] of roots) {
      const file = join(root, path);
      const link = await readlink(file).catch(() => undefined);
      if (link !== undefined) {
        return find(link.startsWith("/") ? link.slice(1) : posix.join(posix.dirname(path), link), hops + 1);
      }
      if ((await stat(file).catch(() => undefined))?.isFile()) return { packageName, file };
    }
    return findThroughFolderLink(path, hops);
  };
  // Debian links whole documentation folders: usr/share/doc/libatomic1 → gcc-14-base.
  const findThroughFolderLink = async (path: string, hops: number): Promise<FoundFile | undefined> => {
    const folder = posix.dirname(path);
    for (const root of roots.values()) {
      const link = await readlink(join(root, folder)).catch(() => undefined);
      if (link === undefined || link.startsWith("/")) continue;
      return find(posix.join(posix.dirname(folder), link, posix.basename(path)), hops + 1);
    }
    return undefined;
  };
  const list = async (folder: string): Promise<string[]> => {
    const names = new Set<string>();
    for (const root of roots.values()) {
      const entries = await readdir(join(root, folder), { withFileTypes: true }).catch(() => []);
      for (const entry of entries) if (!entry.isDirectory()) names.add(entry.name);
    }
    return [...names].sort().map((name) => posix.join(folder, name));
  };
  return { find: (path) => find(path), list };
}
