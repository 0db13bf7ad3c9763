import { createHash } from "node:crypto";
import { mkdir, readdir, readFile, rename, rm, stat } from "node:fs/promises";
import { basename, join } from "node:path";
import { cacheFolder, once } from "../bundle/cache.ts";
import { sourcesOf } from "../package.ts";
import { checkout, run, SetupError } from "./run.ts";

/** How many are kept: another checkout, or a run that is not over yet, may use an older one. */
const kept = 3;

/**
 * The VSIX of this platform, made from what is built, by `scripts/package.ts`; kept in the cache by a hash of its
 * contents, so that a run of the tests packs once. Call it from the checkout.
 *
 * @throws SetupError when a build goes on at the same time and does not end.
 */
export async function packagedExtension(): Promise<string> {
  const target = `${process.platform}-${process.arch}`;
  const folder = join(cacheFolder(), "vsix");
  for (let tries = 0; tries < 5; tries += 1) {
    const hash = await hashOf(sourcesOf(target));
    const made = await once(join(folder, `${hash}.vsix`), (temporary) => pack(target, temporary)).catch((error: unknown) => {
      if (tries === 4) throw error;
      return undefined;
    });
    // A build that wrote meanwhile would give a VSIX of two halves.
    if (made !== undefined && hash === (await hashOf(sourcesOf(target)))) {
      await removeOld(folder, made);
      return made;
    }
    if (made !== undefined) await rm(made);
    await new Promise((wake) => setTimeout(wake, 1000));
  }
  throw new SetupError("dist/ changes all the time: wait until the build is over, then run it again.");
}

async function pack(target: string, file: string): Promise<void> {
  const out = `${file}.d`;
  await mkdir(out, { recursive: true });
  try {
    await run(process.execPath, ["scripts/package.ts", "--target", target, "--out", out], { quiet: true });
    const [name] = (await readdir(out)).filter((one) => one.endsWith(".vsix"));
    await rename(join(out, name ?? ""), file);
  } finally {
    await rm(out, { recursive: true, force: true });
  }
}

async function hashOf(sources: readonly string[]): Promise<string> {
  const hash = createHash("sha256");
  for (const source of sources) {
    const path = join(checkout, source);
    const isFolder = (await stat(path).catch(() => undefined))?.isDirectory() ?? false;
    const files = isFolder ? (await readdir(path, { recursive: true })).sort().map((name) => join(path, name)) : [path];
    for (const file of files) {
      const bytes = await readFile(file).catch(() => undefined);
      if (bytes !== undefined) hash.update(file.slice(checkout.length)).update(String(bytes.length)).update(bytes);
    }
  }
  return hash.digest("hex").slice(0, 24);
}

async function removeOld(folder: string, used: string): Promise<void> {
  const files = await Promise.all(
    (await readdir(folder))
      .filter((name) => name.endsWith(".vsix") && name !== basename(used))
      .map(async (name) => ({ name, at: (await stat(join(folder, name)).catch(() => undefined))?.mtimeMs ?? 0 })),
  );
  const old = files.sort((left, right) => right.at - left.at).slice(kept - 1);
  for (const { name } of old) await rm(join(folder, name), { force: true });
}
