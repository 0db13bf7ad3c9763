import { lstat, mkdir, rm, rmdir } from "node:fs/promises";
import { join } from "node:path";
import { vivError } from "../model/index.ts";

/** Folders whose content this host runs or obeys: nothing from a guest gets into them. */
const guarded: ReadonlySet<string> = new Set([".git", ".vscode", "git~1"]);

/** Characters that file systems leave out of names when they compare them. */
const unseen = /[\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff]/g;

/** Why a path from a guest is not taken here; undefined: it is. */
export function refusal(path: string): string | undefined {
  for (const part of path.split("/")) {
    const plain = part
      .replace(unseen, "")
      .toLowerCase()
      .replace(/[. ]+$/, "");
    if (guarded.has(plain)) return "nothing from a guest gets into .git or .vscode";
    if (process.platform === "win32" && (/[\\:*?"<>|]|[. ]$/.test(part) || hasControl(part))) return "Windows cannot have this name";
  }
  return undefined;
}

function hasControl(part: string): boolean {
  for (const character of part) if (character < " ") return true;
  return false;
}

/**
 * Makes the folders above a path, never through a link. `replace`: what stands in the way, a link or a file, is removed.
 * @throws VivError `untrusted-input`.
 */
export async function makeParents(root: string, path: string, replace: boolean): Promise<void> {
  const parts = path.split("/").slice(0, -1);
  let place = root;
  for (const part of parts) {
    place = join(place, part);
    let there = await lstat(place).catch(() => undefined);
    if (there && !there.isDirectory() && replace) {
      await rm(place);
      there = undefined;
    }
    if (!there) await mkdir(place);
    else if (!there.isDirectory())
      throw vivError("untrusted-input", `${place} is a link or file of this host; the guest has a folder there. Nothing goes through it.`);
  }
}

/** Takes away what stands at a path: a file, a link, an empty folder. @throws VivError `exists` for a folder with content. */
export async function clear(place: string): Promise<void> {
  const there = await lstat(place).catch(() => undefined);
  if (!there) return;
  if (!there.isDirectory()) return rm(place);
  await rmdir(place).catch((error: NodeJS.ErrnoException) => {
    throw vivError("exists", `${place} is a folder here and a file in the guest.`, "Move the folder away.", error);
  });
}
