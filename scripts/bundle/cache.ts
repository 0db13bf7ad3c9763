import { mkdir, rename, rm, stat } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";

/** Where downloads and compressed parts are kept: `$VIVARIUM_CACHE`, else the user's cache folder. */
export function cacheFolder(env: NodeJS.ProcessEnv = process.env): string {
  if (env["VIVARIUM_CACHE"]) return env["VIVARIUM_CACHE"];
  const base = env["XDG_CACHE_HOME"] || join(homedir(), ".cache");
  return join(base, "vivarium");
}

/** The size in bytes, or undefined when there is no such file. */
export async function sizeOf(path: string): Promise<number | undefined> {
  return stat(path).then(
    (found) => found.size,
    () => undefined,
  );
}

/**
 * Makes a file or folder in the cache once: `make` fills a temporary path, which is then renamed,
 * so that an interrupted run leaves nothing half-made under the final name.
 */
export async function once(path: string, make: (temporary: string) => Promise<void>): Promise<string> {
  if ((await sizeOf(path)) !== undefined) return path;
  await mkdir(join(path, ".."), { recursive: true });
  const temporary = `${path}.${process.pid}.tmp`;
  await rm(temporary, { recursive: true, force: true });
  try {
    await make(temporary);
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { recursive: true, force: true });
    // Another run may have made the same content meanwhile.
    if ((await sizeOf(path)) === undefined) throw error;
  }
  return path;
}
