import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { type Architecture, vivError } from "../../model/index.ts";
import { type Image, ImageFile } from "./record.ts";
import { listNamed } from "./store.ts";

/**
 * Images that came with Vivarium (`guestFolder/<arch>/`), then what is in the home's store: copies of those, and images by
 * the names they were given. Of one name and architecture only the first is there.
 */
export async function listImages(guestFolder: string | undefined, store: string): Promise<Image[]> {
  const [builtIn, copies, named] = await Promise.all([
    guestFolder ? readImages(guestFolder, "built-in") : [],
    readImages(store, "store"),
    listNamed(store),
  ]);
  const shown = new Set<string>();
  return [...builtIn, ...copies, ...named].filter((image) => {
    const identity = `${image.name} ${image.architecture}`;
    const isNew = !shown.has(identity);
    shown.add(identity);
    return isNew;
  });
}

async function readImages(folder: string, source: Image["source"]): Promise<Image[]> {
  const names = await readdir(folder).catch(() => []);
  const images = await Promise.all(names.filter((name) => !name.startsWith(".")).map((name) => readImage(join(folder, name), source)));
  return images.filter((image) => image !== undefined).sort((a, b) => a.name.localeCompare(b.name));
}

/** The image whose folder this is; undefined where there is none. */
export async function readImage(folder: string, source: Image["source"]): Promise<Image | undefined> {
  try {
    return { ...ImageFile.parse(JSON.parse(await readFile(join(folder, "image.json"), "utf8"))), folder, source };
  } catch {
    return undefined;
  }
}

/** @throws VivError `not-found` with what there is. */
export async function findImage(guestFolder: string | undefined, store: string, name: string, architecture: Architecture): Promise<Image> {
  const images = await listImages(guestFolder, store);
  const found = images.find((image) => image.name === name && image.architecture === architecture);
  if (found) return found;
  const others = [...new Set(images.map((image) => `${image.name} (${image.architecture})`))];
  throw vivError(
    "not-found",
    `There is no image ${name} for ${architecture}.`,
    others.length > 0
      ? `There is: ${others.join(", ")}. What can be fetched: viv image catalog`
      : "Make the starter guest first: npm run guest",
  );
}
