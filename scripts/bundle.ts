/**
 * Makes the QEMU bundle of one platform.
 *
 *   node scripts/bundle.ts --platform linux-x64|linux-arm64|darwin-arm64|darwin-x64|win32-x64|win32-arm64
 *     --out FOLDER     where to put <platform>/ (dist/bundle)
 *     --prefix FOLDER  Homebrew's or MSYS2's prefix (darwin, win32)
 *     --refresh        fetch Debian's package lists anew
 *     --fast           compress in seconds; larger parts, for trying things out
 *     --no-verify      do not run the result in an empty root (it is verified on its own platform otherwise)
 */
import { mkdtemp } from "node:fs/promises";
import { setPriority, tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { bundlePlatforms } from "../src/backends/manifest.ts";
import { cacheFolder } from "./bundle/cache.ts";
import { type Collection, mergeCollections } from "./bundle/collection.ts";
import { collectDebian } from "./bundle/debian.ts";
import { BundleError, describeError } from "./bundle/errors.ts";
import { collectHomebrew } from "./bundle/homebrew.ts";
import { collectMsys2 } from "./bundle/msys2.ts";
import { collectNode } from "./bundle/node-runtime.ts";
import { packBundle } from "./bundle/pack.ts";
import { verifyBundle } from "./bundle/verify.ts";

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
      fast: { type: "boolean", default: false },
      "no-verify": { type: "boolean", default: false },
    },
  });
  const platform = bundlePlatforms.find((known) => known === values.platform);
  if (platform === undefined) {
    throw new BundleError("usage", `No bundle exists for ${values.platform}`, `Give --platform ${bundlePlatforms.join("|")}.`);
  }
  // Compressing takes minutes: leave the machine to its user.
  setPriority(10);
  const cache = cacheFolder();
  const out = join(values.out, platform);
  const runtime = await collectNode(platform, cache);
  const collection = mergeCollections(await collectQemu(runtime, cache, values), runtime);
  progress(`${collection.files.length} files of ${collection.packages.length} packages, QEMU ${collection.qemuVersion}`);
  const manifest = await packBundle(collection, { out, cache, fast: values.fast, progress });
  progress(`${out}/manifest.json, id ${manifest.id}`);
  if (platform === `${process.platform}-${process.arch}` && !values["no-verify"]) await verifyBundle(out, progress);
}

async function collectQemu(
  runtime: Collection,
  cache: string,
  values: { refresh: boolean; prefix?: string | undefined },
): Promise<Collection> {
  const { platform } = runtime;
  if (platform === "linux-x64" || platform === "linux-arm64") {
    const node = contentFile(runtime, "runtime/node");
    return collectDebian(platform, { cache, refresh: values.refresh, node, progress });
  }
  const { prefix } = values;
  if (prefix === undefined) {
    throw new BundleError(
      "usage",
      `${platform} is collected from an installed QEMU`,
      "Give --prefix, such as $(brew --prefix) or C:/msys64/ucrt64.",
    );
  }
  if (platform === "win32-x64" || platform === "win32-arm64") return collectMsys2({ platform, prefix });
  const work = await mkdtemp(join(tmpdir(), "vivarium-homebrew-"));
  return collectHomebrew({ platform, prefix, work });
}

function contentFile(collection: Collection, path: string): string {
  const content = collection.files.find((file) => file.path === path)?.content;
  if (content === undefined || !("file" in content))
    throw new BundleError("file-missing", `${path} was not collected`, "See scripts/bundle/node-runtime.ts.");
  return content.file;
}

main().catch((error: unknown) => {
  console.error(describeError(error));
  process.exitCode = 1;
});
