import { readdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import { findToolchain, localHost, type Program } from "../backends/index.ts";
import { copyProgram, removeOtherCopies } from "./copyProgram.ts";
import { copyFolder, remember, start, wantsHandOver } from "./spawnCopy.ts";

/**
 * A service that mostly waits shall be small, not fast at computing: a young generation of 1 MB is collected before it
 * has touched many pages, and large buffers go back to the system when they are freed (glibc, mallopt(3)).
 * A third less private memory (test/bench/results.md).
 */
const smallHeap = {
  flags: ["--max-semi-space-size=1", "--no-opt"],
  environment: { MALLOC_ARENA_MAX: "2", MALLOC_MMAP_THRESHOLD_: "65536", MALLOC_TRIM_THRESHOLD_: "131072" },
} as const;

/**
 * vivd runs on the Node of the bundle, and from a copy of itself in the home, so that the editor's executable and the
 * extension's folder can be updated under it (docs/architecture.md). The first process unpacks, copies, starts the copy and
 * ends; the next time `startAgain` does so in a moment. Without a bundle, or from the sources, it runs where it is.
 * @returns true when another process has taken over.
 */
export async function handOver(home: string): Promise<boolean> {
  const script = process.argv[1];
  if (!wantsHandOver(script, home)) return false;
  const dist = dirname(script);
  const toolchain = await findToolchain({ host: localHost(), home, bundlesFolder: join(dist, "bundle") }).catch(() => undefined);
  if (toolchain?.source !== "bundle" || !toolchain.has("node")) return false;
  const runtime = toolchain.program("node");
  const folder = copyFolder(home);
  const target = await copyProgram(script, partsFolder, folder);
  await removeOtherCopies(folder, "vivd-");
  const copy = {
    command: [runtime.file, ...runtime.argsPrefix, ...smallHeap.flags, target],
    environment: { ...smallHeap.environment, ...runtime.env },
  };
  await start(copy, script);
  const parts = join(dirname(target), partsFolder);
  const copied = (await readdir(parts)).map((name) => join(parts, name));
  await remember(copy, [script, target, ...copied, manifestOf(dist), ...filesOf(runtime)], home);
  return true;
}

function manifestOf(dist: string): string {
  return join(dist, "bundle", `${process.platform}-${process.arch}`, "manifest.json");
}

/** The program itself, and its loader where it has one. */
function filesOf({ file, argsPrefix }: Program): string[] {
  return [file, ...argsPrefix.slice(-1)];
}

/** What `vivd.js` loads (scripts/build.ts). */
const partsFolder = "vivd-parts";
