import { randomBytes } from "node:crypto";
import { access, constants, link, rename, rm, stat } from "node:fs/promises";
import { basename, dirname, isAbsolute, join } from "node:path";
import { vivError } from "../../model/index.ts";
import { syncFile, syncFolder } from "../storage.ts";
import { beginPartial, type Partial } from "./partial.ts";

/**
 * Writes a file of the user's whole or not at all: under a hidden name beside it, flushed, then renamed. An existing
 * file stays until the new one is whole.
 * @throws VivError `usage`, `exists`, `not-found` (folder), `host-cannot`, and what `write` throws.
 */
export async function publishFile<T>(
  home: string,
  target: string,
  overwrite: boolean,
  write: (temporary: string, partial: Partial) => Promise<T>,
): Promise<T> {
  await requireTarget(target, overwrite);
  const temporary = join(dirname(target), `.${basename(target).slice(0, 100)}.${randomBytes(4).toString("hex")}.part`);
  const partial = await beginPartial(home, temporary);
  try {
    const result = await write(temporary, partial);
    await syncFile(temporary);
    await put(temporary, target, overwrite);
    await syncFolder(dirname(target));
    return result;
  } finally {
    await rm(temporary, { recursive: true, force: true });
    await partial.done();
  }
}

async function requireTarget(target: string, overwrite: boolean): Promise<void> {
  if (!isAbsolute(target)) throw vivError("usage", `“${target}” is not an absolute path.`);
  const folder = await stat(dirname(target)).catch(() => undefined);
  if (!folder?.isDirectory()) throw vivError("not-found", `There is no folder ${dirname(target)}.`, "Make it first.");
  await access(dirname(target), constants.W_OK).catch(() => {
    throw vivError("host-cannot", `${dirname(target)} cannot be written.`, "Check its owner and permissions.");
  });
  const found = await stat(target).catch(() => undefined);
  if (found && !found.isFile()) throw vivError("usage", `${target} is not a file.`, "Give the name of a file.");
  if (found && !overwrite) throw taken(target);
}

/** Without `overwrite` a link, which never replaces what came meanwhile; where there are no links, a rename. */
async function put(temporary: string, target: string, overwrite: boolean): Promise<void> {
  if (!overwrite) {
    try {
      return await link(temporary, target);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "EEXIST") throw taken(target);
    }
  }
  await rename(temporary, target);
}

function taken(target: string): Error {
  return vivError("exists", `${target} exists already.`, "Choose another name, or overwrite it: --overwrite");
}
