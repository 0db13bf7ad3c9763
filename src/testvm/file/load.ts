import { createHash } from "node:crypto";
import { lstat, readFile, realpath } from "node:fs/promises";
import { dirname, isAbsolute, join, relative, resolve, sep } from "node:path";
import { vivError } from "../../model/index.ts";
import { type ParsedFile, type Path, parseFile } from "./parse.ts";
import type { FileProblem } from "./problem.ts";

export const testVmFileName = join(".testvm", "testvm.json");

const maximumBytes = 1024 * 1024;
const maximumChain = 16;

/** The file and what it extends, the nearest first; `hash` is of all their bytes: what trust is given to. */
export interface LoadedFile {
  /** The workspace folder, links resolved. */
  readonly folder: string;
  readonly file: string;
  readonly chain: readonly ParsedFile[];
  readonly hash: string;
  /** A problem at the first of these paths that stands in any file of the chain, the nearest file first. */
  problemAt(paths: readonly Path[], message: string): FileProblem;
}

export type Loaded = LoadedFile | { readonly folder: string; readonly problems: readonly FileProblem[] };

/**
 * Reads a folder's test-VM file with what it extends. Nothing outside the folder is read, not by a link either.
 * @throws VivError `not-found` when the folder has none.
 */
export async function loadFile(given: string): Promise<Loaded> {
  const folder = await realpath(given).catch(() => resolve(given));
  const file = join(folder, testVmFileName);
  if (!(await lstat(file).catch(() => undefined)))
    throw vivError("not-found", `There is no ${testVmFileName} in ${folder}.`, "docs/test-machines.md shows one to begin with.");
  const chain: ParsedFile[] = [];
  const seen: string[] = [];
  let next: { file: string; says: (message: string) => FileProblem } = { file, says: (message) => ({ file, line: 1, column: 1, message }) };
  for (;;) {
    const { says } = next;
    const read = await readInside(folder, next.file);
    if ("refused" in read) return { folder, problems: [says(read.refused)] };
    const cycle = seen.indexOf(read.place);
    if (cycle >= 0)
      return { folder, problems: [says(`extends itself: ${[...seen.slice(cycle), read.place].map(shownIn(folder)).join(" → ")}`)] };
    if (seen.length === maximumChain) return { folder, problems: [says(`more than ${maximumChain} files extend each other`)] };
    seen.push(read.place);
    const parsed = parseFile(next.file, read.text);
    if ("problems" in parsed) return { folder, problems: parsed.problems };
    chain.push(parsed);
    const { extends: base } = parsed.value;
    if (base === undefined) break;
    next = { file: resolve(dirname(next.file), base), says: (message) => parsed.problemAt(["extends"], message) };
  }
  return { folder, file, chain, hash: hashOf(folder, chain), problemAt: (paths, message) => problemIn(chain, paths, message) };
}

/** As people name it: relative to the folder, with forward slashes. */
export function shownIn(folder: string): (file: string) => string {
  return (file) => relative(folder, file).split(sep).join("/");
}

async function readInside(folder: string, file: string): Promise<{ text: string; place: string } | { refused: string }> {
  const shown = shownIn(folder)(file);
  const place = await realpath(file).catch(() => undefined);
  if (!isInside(folder, file) || (place !== undefined && !isInside(folder, place))) return { refused: `${shown} leaves the folder` };
  if (place === undefined) return { refused: `there is no file ${shown}` };
  const facts = await lstat(place);
  if (!facts.isFile()) return { refused: `${shown} is no file` };
  if (facts.size > maximumBytes) return { refused: `${shown} is larger than 1 MiB` };
  return { text: await readFile(place, "utf8"), place };
}

function isInside(folder: string, file: string): boolean {
  const path = relative(folder, file);
  return path !== "" && !path.startsWith("..") && !isAbsolute(path);
}

function hashOf(folder: string, chain: readonly ParsedFile[]): string {
  const hash = createHash("sha256");
  for (const { file, text } of chain) hash.update(JSON.stringify([shownIn(folder)(file), text]));
  return hash.digest("hex");
}

function problemIn(chain: readonly ParsedFile[], paths: readonly Path[], message: string): FileProblem {
  for (const path of paths) {
    const holder = chain.find((parsed) => parsed.has(path));
    if (holder) return holder.problemAt(path, message);
  }
  const [nearest] = chain;
  if (!nearest) throw new Error("a chain has a file");
  return nearest.problemAt([], message);
}
