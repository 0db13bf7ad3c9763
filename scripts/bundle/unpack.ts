import { createReadStream } from "node:fs";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { createBrotliDecompress } from "node:zlib";
import { extract } from "tar";
import type { BundleManifest } from "../../src/backends/manifest.ts";
import { BundleError } from "./errors.ts";
import { sha256OfFile } from "./hash.ts";

/** Unpacks every part of a bundle folder, checking each compressed part and each file against the manifest. */
export async function unpackBundle(bundle: string, manifest: BundleManifest, to: string): Promise<void> {
  await mkdir(to, { recursive: true });
  for (const part of Object.values(manifest.parts)) {
    const file = join(bundle, part.file);
    await expectHash(file, part.sha256);
    await pipeline(createReadStream(file), createBrotliDecompress(), extract({ cwd: to, strict: true }));
  }
  for (const [path, file] of Object.entries(manifest.files)) await expectHash(join(to, path), file.sha256);
}

async function expectHash(path: string, sha256: string): Promise<void> {
  if ((await sha256OfFile(path)) === sha256) return;
  throw new BundleError("damaged", `${path} is not what manifest.json says`, "Make the bundle again.");
}
