/**
 * Makes the QEMU bundle of one platform.
 *
 *   node scripts/bundle.ts --platform linux-x64|linux-arm64|darwin-arm64|darwin-x64|win32-x64|win32-arm64
 *     --out FOLDER     where to put <platform>/ (dist/bundle)
 *     --prefix FOLDER  Homebrew's or MSYS2's prefix (darwin, win32)
 *     --refresh        fetch Debian's package lists anew
 *     --no-verify      do not run the result in an empty root (it is verified on its own platform otherwise)
 */
import { setPriority } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { type BundlePlatform, bundlePlatforms } from "../src/backends/manifest.ts";
import { cacheFolder } from "./bundle/cache.ts";
import { type Collection, mergeCollections } from "./bundle/collection.ts";
import { collectDebian } from "./bundle/debian.ts";
import { BundleError, describeError } from "./bundle/errors.ts";
import { collectNode } from "./bundle/node-runtime.ts";
import { packBundle } from "./bundle/pack.ts";

const started = performance.now();
const progress = (line: string): void => {
  console.log(`${((performance.now() - started) / 1000).toFixed(1).padStart(6)} s  ${line}`);
};

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      platform: { type: "string", default: `${process.platform}-${process.arch}` },
      out: { type: "string", default: "dist/bundle" },
      prefix: { type: "string" },
      refresh: { type: "boolean", default: false },
      "no-verify": { type: "boolean", default: false },
    },
  });
  const platform = bundlePlatforms.find((known) => known === values.platform);
  if (platform === undefined) {
    throw new BundleError("usage", `No bundle exists for ${values.platform}`, `Give --platform ${bundlePlatforms.join("|")}.`);
  }
  // Compressing takes a minute: leave the machine to its user.
  setPriority(10);
  const cache = cacheFolder();
  const out = join(values.out, platform);
  const collection = mergeCollections(await collectQemu(platform, cache, values), await collectNode(platform, cache));
  progress(`${collection.files.length} files of ${collection.packages.length} packages, QEMU ${collection.qemuVersion}`);
  const manifest = await packBundle(collection, out, cache, progress);
  progress(`${out}/manifest.json, id ${manifest.id}`);
}

async function collectQemu(
  platform: BundlePlatform,
  cache: string,
  values: { refresh: boolean; prefix?: string | undefined },
): Promise<Collection> {
  if (platform === "linux-x64" || platform === "linux-arm64") {
    return collectDebian(platform, { cache, refresh: values.refresh, progress });
  }
  throw new BundleError("usage", `${platform} is not collected here yet`, "Run this on Linux.");
}

main().catch((error: unknown) => {
  console.error(describeError(error));
  process.exitCode = 1;
});
