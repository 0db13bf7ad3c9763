import { createHash, randomUUID } from "node:crypto";
import { createReadStream } from "node:fs";
import { chmod, copyFile, mkdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { syncFolder } from "../../machine/index.ts";
import { vivError } from "../../model/index.ts";
import { readImage } from "./list.ts";
import type { Image } from "./record.ts";

/**
 * The image in the home's store, copied there (and checked) at first use, so that machines never depend on the
 * extension's folder. Files are read-only for ever: overlays are built on them.
 */
export async function storeImage(image: Image, store: string): Promise<Image> {
  if (image.source === "store") return image;
  const folder = join(store, `${image.name.replaceAll(":", "-")}-${image.architecture}-${image.version}`);
  const existing = await readImage(folder, "store");
  if (existing) return existing;
  const staging = join(store, `.adding-${randomUUID()}`);
  try {
    await mkdir(staging, { mode: 0o700 });
    for (const [file, wanted] of Object.entries(image.sha256)) await copyChecked(image, file, wanted, staging);
    await copyFile(join(image.folder, "image.json"), join(staging, "image.json"));
    await syncFolder(staging);
    await rename(staging, folder).catch(async (error: NodeJS.ErrnoException) => {
      // Another machine's create was quicker.
      if (error.code !== "ENOTEMPTY" && error.code !== "EEXIST") throw error;
      await rm(staging, { recursive: true, force: true });
    });
  } catch (error) {
    await rm(staging, { recursive: true, force: true });
    throw error;
  }
  return { ...image, folder, source: "store" };
}

async function copyChecked(image: Image, file: string, wanted: string, staging: string): Promise<void> {
  if (file.includes("/") || file.includes("\\") || file.startsWith("."))
    throw vivError("untrusted-input", `Image ${image.name} names a file outside its folder: ${file}`);
  const target = join(staging, file);
  await copyFile(join(image.folder, file), target);
  const hash = createHash("sha256");
  await pipeline(createReadStream(target), hash);
  if (hash.digest("hex") !== wanted) {
    throw vivError(
      "damaged",
      `Image ${image.name}: ${file} is not what image.json says (SHA-256 differs).`,
      "Install Vivarium again, or rebuild the guest: npm run guest",
    );
  }
  await chmod(target, 0o444);
}
