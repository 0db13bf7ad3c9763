import { createHash, randomUUID } from "node:crypto";
import { createReadStream } from "node:fs";
import { chmod, copyFile, mkdir, readdir, readFile, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import * as z from "zod";
import { syncFolder } from "../../machine/index.ts";
import { Architecture, vivError } from "../../model/index.ts";

/** `image.json`: one image that machines are made from. Files are relative to its folder. */
export const ImageFile = z.object({
  schema: z.literal(1),
  name: z.string().regex(/^[a-z][a-z0-9.:-]{0,60}$/),
  title: z.string(),
  description: z.string().default(""),
  version: z.string().regex(/^[\w.-]{1,64}$/),
  architecture: Architecture,
  kernel: z.string().optional(),
  initrd: z.string().optional(),
  append: z.string().default(""),
  disk: z.string().optional(),
  diskVirtualBytes: z.number().optional(),
  minimumMemoryBytes: z.number(),
  login: z.string().default("root"),
  sha256: z.record(z.string(), z.string().regex(/^[0-9a-f]{64}$/)),
  bytes: z.number(),
});
export type ImageFile = z.infer<typeof ImageFile>;

export interface Image extends ImageFile {
  readonly folder: string;
  readonly source: "built-in" | "store";
}

/** Images that came with Vivarium (`guestFolder/<arch>/`) and those in the home's store, newest version of each. */
export async function listImages(guestFolder: string | undefined, store: string): Promise<Image[]> {
  const [builtIn, stored] = await Promise.all([guestFolder ? readImages(guestFolder, "built-in") : [], readImages(store, "store")]);
  const shown = new Set(builtIn.map(identity));
  return [...builtIn, ...stored.filter((image) => !shown.has(identity(image)))];
}

function identity(image: Image): string {
  return `${image.name} ${image.architecture}`;
}

async function readImages(folder: string, source: Image["source"]): Promise<Image[]> {
  const names = await readdir(folder).catch(() => []);
  const images = await Promise.all(names.filter((name) => !name.startsWith(".")).map((name) => readImage(join(folder, name), source)));
  return images.filter((image) => image !== undefined).sort((a, b) => a.name.localeCompare(b.name));
}

async function readImage(folder: string, source: Image["source"]): Promise<Image | undefined> {
  try {
    return { ...ImageFile.parse(JSON.parse(await readFile(join(folder, "image.json"), "utf8"))), folder, source };
  } catch {
    return undefined;
  }
}

export async function findImage(guestFolder: string | undefined, store: string, name: string, architecture: Architecture): Promise<Image> {
  const images = await listImages(guestFolder, store);
  const found = images.find((image) => image.name === name && image.architecture === architecture);
  if (found) return found;
  const others = [...new Set(images.map((image) => `${image.name} (${image.architecture})`))];
  throw vivError(
    "not-found",
    `There is no image ${name} for ${architecture}.`,
    others.length > 0 ? `There is: ${others.join(", ")}.` : "Make the starter guest first: npm run guest",
  );
}

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
