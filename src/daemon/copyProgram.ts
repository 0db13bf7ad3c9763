import { copyFile, cp, mkdir, readdir, rename, rm, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";

/**
 * A program of `dist/` (its script, the parts it loads, package.json) as a folder of the home, put there whole or not at
 * all: it then runs on while the folder it came from is updated or removed.
 * @returns the copied script.
 */
export async function copyProgram(script: string, parts: string, folder: string): Promise<string> {
  const staging = join(dirname(folder), `.${basename(folder)}-${process.pid}`);
  await mkdir(staging, { recursive: true, mode: 0o700 });
  try {
    for (const file of [basename(script), "package.json"]) await copyFile(join(dirname(script), file), join(staging, file));
    await cp(join(dirname(script), parts), join(staging, parts), { recursive: true });
    await rename(staging, folder).catch(async (error: NodeJS.ErrnoException) => {
      if (error.code !== "ENOTEMPTY" && error.code !== "EEXIST") throw error;
    });
  } finally {
    await rm(staging, { recursive: true, force: true });
  }
  return join(folder, basename(script));
}

/** Removes other builds' folders (`vivd-…`), the newest `kept` of them excepted. */
export async function removeOtherCopies(folder: string, prefix: string, kept = 0): Promise<void> {
  const bin = dirname(folder);
  const others = (await readdir(bin)).filter((name) => name.startsWith(prefix) && name !== basename(folder));
  const aged = await Promise.all(
    others.map(async (name) => ({ name, at: (await stat(join(bin, name)).catch(() => undefined))?.mtimeMs ?? 0 })),
  );
  const old = aged.sort((left, right) => right.at - left.at).slice(kept);
  await Promise.all(old.map(({ name }) => rm(join(bin, name), { recursive: true, force: true })));
}
