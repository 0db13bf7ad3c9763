import { createHash, randomUUID } from "node:crypto";
import { createReadStream } from "node:fs";
import { chmod, mkdir, readdir, readFile, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { beginPartial, makePrivateFolder, type Partial, syncFile, syncFolder, writeFileAtomically } from "../../machine/index.ts";
import type { Architecture } from "../../model/index.ts";
import { type Image, type ImageFile, ImageRecord } from "./record.ts";

/**
 * The store of disk images, in `images/` of the home: `sha256-<digest>/disk.qcow2` is a content, read-only for ever and
 * there once; `names/<name>@<architecture>.json` says which content a name is of, and all that is known of it.
 */
export const diskName = "disk.qcow2";
const namesFolder = "names";

export function contentFolder(store: string, content: string): string {
  return join(store, `sha256-${content}`);
}

/** A folder name of the store, as a content's digest. */
export function contentOf(folderName: string): string | undefined {
  return /^sha256-([0-9a-f]{64})$/.exec(folderName)?.[1];
}

export function recordFile(store: string, name: string, architecture: Architecture): string {
  return join(store, namesFolder, `${name.replaceAll(":", "+")}@${architecture}.json`);
}

/** A name whose content is gone is none. */
export async function listNamed(store: string): Promise<Image[]> {
  const records = await listRecords(store);
  const images = await Promise.all(
    records.map(async ({ content, ...image }): Promise<Image | undefined> => {
      const folder = contentFolder(store, content);
      return (await stat(join(folder, diskName)).catch(() => undefined)) ? { ...image, folder, source: "store" } : undefined;
    }),
  );
  return images.filter((image) => image !== undefined);
}

export async function listRecords(store: string): Promise<ImageRecord[]> {
  const folder = join(store, namesFolder);
  const files = (await readdir(folder).catch(() => [])).filter((name) => !name.startsWith(".") && name.endsWith(".json")).sort();
  const records = await Promise.all(files.map((name) => readRecord(join(folder, name))));
  return records.filter((record) => record !== undefined);
}

export async function readRecord(file: string): Promise<ImageRecord | undefined> {
  try {
    return ImageRecord.parse(JSON.parse(await readFile(file, "utf8")));
  } catch {
    return undefined;
  }
}

export async function writeRecord(store: string, record: ImageRecord): Promise<void> {
  await makePrivateFolder(join(store, namesFolder));
  const text = `${JSON.stringify(record, null, 2)}\n`;
  await writeFileAtomically(recordFile(store, record.name, record.architecture), text, { durable: true });
}

/** What is known of a new image before its content is there. */
export type NewImage = Omit<ImageFile, "schema" | "version" | "disk" | "sha256" | "bytes" | "append" | "description"> & {
  readonly description?: string;
};

/**
 * Puts a content into the store under a name: `make` writes it whole beside the others, its digest decides where it goes.
 * The same content is there once. Nothing stays of one that failed.
 */
export async function addImage(
  home: string,
  store: string,
  image: NewImage,
  signal: AbortSignal,
  make: (file: string, partial: Partial) => Promise<void>,
): Promise<Image> {
  const staging = join(store, `.adding-${randomUUID()}`);
  const partial = await beginPartial(home, staging);
  try {
    await mkdir(staging, { mode: 0o700 });
    const file = join(staging, diskName);
    await make(file, partial);
    await syncFile(file);
    const content = await sha256Of(file, signal);
    const { size, blocks } = await stat(file);
    await chmod(file, 0o444);
    await syncFolder(staging);
    await putContent(staging, contentFolder(store, content));
    await syncFolder(store);
    const record: ImageRecord = {
      schema: 1,
      description: "",
      append: "",
      ...image,
      version: content.slice(0, 12),
      disk: diskName,
      sha256: { [diskName]: content },
      bytes: blocks === undefined ? size : blocks * 512,
      content,
    };
    await writeRecord(store, record);
    const { content: _content, ...known } = record;
    return { ...known, folder: contentFolder(store, content), source: "store" };
  } finally {
    await rm(staging, { recursive: true, force: true });
    await partial.done();
  }
}

/** One that is there already is the same. */
async function putContent(staging: string, folder: string): Promise<void> {
  await rename(staging, folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== "ENOTEMPTY" && error.code !== "EEXIST" && error.code !== "EPERM") throw error;
  });
}

/** @throws an AbortError when it is given up. */
export async function sha256Of(file: string, signal: AbortSignal, onPercent?: (percent: number) => void): Promise<string> {
  const hash = createHash("sha256");
  const { size } = await stat(file);
  const stream = createReadStream(file, { highWaterMark: 1 << 20 });
  let bytes = 0;
  stream.on("data", (chunk) => {
    bytes += chunk.length;
    onPercent?.(Math.floor((bytes / Math.max(size, 1)) * 100));
  });
  await pipeline(stream, hash, { signal });
  return hash.digest("hex");
}

/** Takes a name away, and its content when no other name has it. @returns bytes that came free. */
export async function removeName(store: string, name: string, architecture: Architecture): Promise<number> {
  const file = recordFile(store, name, architecture);
  const record = await readRecord(file);
  await rm(file, { force: true });
  if (!record) return 0;
  const others = (await listRecords(store)).filter(({ content }) => content === record.content);
  return others.length > 0 ? 0 : removeContent(store, record.content);
}

/** A content and every name of it. */
export async function removeContent(store: string, content: string): Promise<number> {
  for (const record of await listRecords(store))
    if (record.content === content) await rm(recordFile(store, record.name, record.architecture), { force: true });
  const folder = contentFolder(store, content);
  const found = await stat(join(folder, diskName)).catch(() => undefined);
  // Gone under this name at once: what is being removed is nobody's image any more.
  const doomed = join(store, `.adding-${randomUUID()}`);
  await rename(folder, doomed).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== "ENOENT") throw error;
  });
  await rm(doomed, { recursive: true, force: true });
  return found === undefined ? 0 : found.blocks === undefined ? found.size : found.blocks * 512;
}
