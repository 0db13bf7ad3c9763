import { spawn } from "node:child_process";
import { copyFile, mkdir, readdir, rename, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { findToolchain, localHost, type Program } from "../backends/index.ts";

/**
 * A service that mostly waits shall be small, not fast at computing: a young generation of 1 MB is collected before it
 * has touched many pages, and large buffers go back to the system when they are freed (glibc, mallopt(3)).
 * Halves the private memory (test/bench/results.md).
 */
const smallHeap = {
  flags: ["--max-semi-space-size=1", "--optimize-for-size"],
  environment: { MALLOC_ARENA_MAX: "2", MALLOC_MMAP_THRESHOLD_: "65536", MALLOC_TRIM_THRESHOLD_: "131072" },
} as const;

/**
 * vivd runs on the Node of the bundle, and from a copy of itself in the home, so that the editor's executable and the
 * extension's folder can be updated under it (DESIGN §2.2). The first process unpacks, copies, starts the copy and
 * ends. Without a bundle, or from the sources, it runs where it is.
 * @returns true when another process has taken over.
 */
export async function handOver(home: string): Promise<boolean> {
  const script = process.argv[1];
  if (script === undefined || !script.endsWith("vivd.js") || process.env.VIVARIUM_RUNTIME === "here") return false;
  const bin = join(home, "bin");
  if (dirname(dirname(script)) === bin) return false;
  const runtime = await bundledNode(home, dirname(script));
  if (!runtime) return false;
  const copy = await copyScript(script, bin);
  const child = spawn(runtime.file, [...runtime.argsPrefix, ...smallHeap.flags, copy, ...process.argv.slice(2)], {
    detached: true,
    windowsHide: true,
    stdio: ["ignore", "inherit", "inherit"],
    env: { ...process.env, ...smallHeap.environment, ...runtime.env, VIVARIUM_DIST: dirname(script), ELECTRON_RUN_AS_NODE: undefined },
  });
  await new Promise<void>((resolve, reject) => {
    child.once("spawn", resolve);
    child.once("error", reject);
  });
  child.unref();
  return true;
}

async function bundledNode(home: string, dist: string): Promise<Program | undefined> {
  const toolchain = await findToolchain({ host: localHost(), home, bundlesFolder: join(dist, "bundle") }).catch(() => undefined);
  return toolchain?.source === "bundle" && toolchain.has("node") ? toolchain.program("node") : undefined;
}

declare const __VIVARIUM_BUILD__: string | undefined;

/** `bin/vivd-<build>/vivd.js`, put there whole or not at all; earlier builds go. */
async function copyScript(script: string, bin: string): Promise<string> {
  const build = typeof __VIVARIUM_BUILD__ === "string" ? __VIVARIUM_BUILD__ : "0";
  const folder = join(bin, `vivd-${build}`);
  const target = join(folder, basename(script));
  const staging = join(bin, `.vivd-${process.pid}`);
  await mkdir(staging, { recursive: true, mode: 0o700 });
  try {
    await copyFile(script, join(staging, basename(script)));
    await copyFile(join(dirname(script), "package.json"), join(staging, "package.json"));
    await rename(staging, folder).catch(async (error: NodeJS.ErrnoException) => {
      if (error.code !== "ENOTEMPTY" && error.code !== "EEXIST") throw error;
    });
  } finally {
    await rm(staging, { recursive: true, force: true });
  }
  const old = (await readdir(bin)).filter((name) => name.startsWith("vivd-") && name !== basename(folder));
  await Promise.all(old.map((name) => rm(join(bin, name), { recursive: true, force: true })));
  return target;
}
