import { realpath, stat } from "node:fs/promises";
import { isAbsolute, relative } from "node:path";
import { vivError } from "../../model/index.ts";

/** The host's side of a share: which folder it is. */

export interface SharedFolder {
  /** Links resolved. */
  readonly path: string;
  /** `device:inode`: tells a folder from another one that has its name later. */
  readonly inode: string;
}

/**
 * The folder behind a path.
 * @param home Vivarium's own: a guest that could write there would be this user on this host
 * @throws VivError `not-found`, `not-a-folder`, `no-permission`, `usage`.
 */
export async function sharedFolder(path: string, home: string): Promise<SharedFolder> {
  if (!isAbsolute(path)) throw vivError("usage", `${path} is not an absolute path.`);
  const resolved = await realpath(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT" || error.code === "ENOTDIR")
      throw vivError("not-found", `The folder ${path} is not there.`, "Make it, or remove the share.");
    throw vivError("no-permission", `The folder ${path} cannot be reached: ${error.message}`);
  });
  const found = await stat(resolved);
  if (!found.isDirectory()) throw vivError("not-a-folder", `${path} is not a folder.`);
  const own = await realpath(home);
  if (isWithin(own, resolved) || isWithin(resolved, own))
    throw vivError(
      "usage",
      `${path} holds Vivarium's own files (${own}), which no guest may see or change.`,
      "Share a folder that neither contains nor is in it.",
    );
  return { path: resolved, inode: `${found.dev}:${found.ino}` };
}

function isWithin(path: string, folder: string): boolean {
  const way = relative(folder, path);
  return way === "" || (!isAbsolute(way) && way.split(/[\\/]/)[0] !== "..");
}
