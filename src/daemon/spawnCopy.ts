import { spawn } from "node:child_process";
import { readFile, stat, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";

/**
 * Starting the service's copy on the bundle's Node. Only Node's own modules are used here: the first process does no
 * more than this when nothing has changed since the last time, and loading the rest would take as long as a start.
 */
export interface Copy {
  /** The bundle's Node with its leading words, and the copied script. */
  readonly command: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
}

/** A start that worked, and the files it was found from: path, bytes, modification time in ms. */
interface Known extends Copy {
  readonly script: string;
  readonly files: readonly (readonly [string, number, number])[];
}

declare const __VIVARIUM_BUILD__: string | undefined;

/** `bin/vivd-<build>/`: what belongs to one build of the service. */
export function copyFolder(home: string): string {
  return join(home, "bin", `vivd-${typeof __VIVARIUM_BUILD__ === "string" ? __VIVARIUM_BUILD__ : "0"}`);
}

/** Is this the built program, not yet the copy of it, and wanted on the bundle's Node? */
export function wantsHandOver(script: string | undefined, home: string): script is string {
  if (script === undefined || basename(script) !== "vivd.js" || process.env.VIVARIUM_RUNTIME === "here") return false;
  return dirname(dirname(script)) !== join(home, "bin");
}

/** @returns false when there is no earlier start, or something it was found from has changed. */
export async function startAgain(home: string): Promise<boolean> {
  const script = process.argv[1];
  if (!wantsHandOver(script, home) || process.env.VIVARIUM_BUNDLE !== undefined) return false;
  const known = await readKnown(join(copyFolder(home), knownFile));
  if (known?.script !== script || !(await unchanged(known))) return false;
  await start(known, script);
  return true;
}

const knownFile = "start.json";

async function readKnown(file: string): Promise<Known | undefined> {
  try {
    return JSON.parse(await readFile(file, "utf8")) as Known;
  } catch {
    return undefined;
  }
}

async function unchanged({ files }: Known): Promise<boolean> {
  const same = files.map(async ([path, bytes, modifiedMs]) => {
    const found = await stat(path).catch(() => undefined);
    return found?.size === bytes && found.mtimeMs === modifiedMs;
  });
  return (await Promise.all(same)).every(Boolean);
}

/** Keeps a start for the next time; `sources` are the files it depends on. A full disk costs time and nothing else. */
export async function remember(copy: Copy, sources: readonly string[], home: string): Promise<void> {
  const script = process.argv[1] ?? "";
  try {
    const files = await Promise.all(
      sources.map(async (path) => {
        const { size, mtimeMs } = await stat(path);
        return [path, size, mtimeMs] as const;
      }),
    );
    await writeFile(join(copyFolder(home), knownFile), JSON.stringify({ ...copy, script, files } satisfies Known), { mode: 0o600 });
  } catch {
    // See above.
  }
}

/** Starts the copy, detached, with our own arguments and log; resolves when it runs. */
export async function start(copy: Copy, script: string): Promise<void> {
  const [file = "", ...words] = copy.command;
  const child = spawn(file, [...words, ...process.argv.slice(2)], {
    detached: true,
    windowsHide: true,
    stdio: ["ignore", "inherit", "inherit"],
    env: {
      ...process.env,
      ...copy.environment,
      VIVARIUM_DIST: dirname(script),
      ELECTRON_RUN_AS_NODE: undefined,
    },
  });
  await new Promise<void>((resolve, reject) => {
    child.once("spawn", resolve);
    child.once("error", reject);
  });
  child.unref();
}
