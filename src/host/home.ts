import { chmod, mkdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { runPaths, socketPathLimit } from "../machine/index.ts";
import { vivError } from "../model/index.ts";

/** The folders of a home (`~/.vivarium`). */
export interface Home {
  readonly folder: string;
  readonly machines: string;
  readonly trash: string;
  readonly images: string;
  readonly templates: string;
  readonly networks: string;
  readonly run: string;
  readonly bin: string;
  readonly cache: string;
  readonly logs: string;
}

export function homeFolders(folder: string): Home {
  return {
    folder,
    machines: join(folder, "machines"),
    trash: join(folder, "trash"),
    images: join(folder, "images"),
    templates: join(folder, "templates"),
    networks: join(folder, "networks"),
    run: join(folder, "run"),
    bin: join(folder, "bin"),
    cache: join(folder, "cache"),
    logs: join(folder, "logs"),
  };
}

/**
 * Makes the home usable, or says why it is not: owned by this user, closed to others, short enough for sockets.
 * @throws VivError `home-unusable`, `disk-full`.
 */
export async function openHome(folder: string): Promise<Home> {
  const home = homeFolders(folder);
  requireShortPath(home);
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    await requirePrivate(folder);
    for (const part of [home.machines, home.trash, home.images, home.networks, home.templates, home.run, home.bin, home.cache, home.logs]) {
      await mkdir(part, { recursive: true, mode: 0o700 });
    }
  } catch (error) {
    throw unusable(folder, error);
  }
  return home;
}

function requireShortPath(home: Home): void {
  if (process.platform === "win32") return;
  const longest = Buffer.byteLength(runPaths(home.run, "00000000").rescue);
  if (longest <= socketPathLimit) return;
  throw vivError(
    "home-unusable",
    `The home folder's path is too long for sockets by ${longest - socketPathLimit} bytes: ${home.folder}`,
    "Set VIVARIUM_HOME (or the setting vivarium.home) to a shorter path, for example ~/.vivarium.",
  );
}

async function requirePrivate(folder: string): Promise<void> {
  if (process.platform === "win32") return;
  const found = await stat(folder);
  const user = process.getuid?.();
  if (user !== undefined && found.uid !== user) {
    throw vivError(
      "home-unusable",
      `${folder} belongs to another user (uid ${found.uid}).`,
      `Choose another home, or run: sudo chown -R "$USER" '${folder}'`,
    );
  }
  if ((found.mode & 0o077) === 0) return;
  if ((found.mode & 0o022) !== 0) {
    throw vivError(
      "home-unusable",
      `${folder} can be written by other users, who could run programs as you.`,
      `Run: chmod 700 '${folder}'`,
    );
  }
  await chmod(folder, 0o700);
}

function unusable(folder: string, error: unknown): Error {
  const code = (error as NodeJS.ErrnoException).code;
  if (code === "EACCES" || code === "EPERM" || code === "EROFS" || code === "ENOTDIR" || code === "EEXIST") {
    return vivError(
      "home-unusable",
      `Cannot use ${folder} as home: ${(error as Error).message}`,
      "Check its owner and permissions, or set VIVARIUM_HOME to a folder of yours.",
      error,
    );
  }
  return error as Error;
}
