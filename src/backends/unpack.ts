/**
 * Unpacking one part of a bundle, `<part>.tar.br` → `<home>/bin/<id>/<top folder of the part>/`: checked before and
 * after, and atomic, so that a reader sees all of a part or nothing, whoever else unpacks at the same time.
 */
import { randomUUID } from "node:crypto";
import { createReadStream } from "node:fs";
import { chmod, mkdir, readFile, rename, rm, stat, utimes, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { pipeline } from "node:stream/promises";
import { createBrotliDecompress } from "node:zlib";
import { extract } from "tar";
import * as z from "zod";
import { asVivError, humanBytes, vivError } from "../model/index.ts";
import { hashFile } from "./local-host.ts";
import type { BundleManifest } from "./manifest.ts";
import { makeSparse } from "./sparse.ts";

export const reinstallHint = "Install Vivarium again: its files were changed or only half copied.";

/** Smaller files are not worth looking through. */
const sparseFromBytes = 32 * 1024 ** 2;

/** Written last into a part's top folder: each file's size in bytes and modification time in ms, as they were when all was well. */
const markerName = ".unpacked.json";
const marker = z.record(z.string(), z.tuple([z.number(), z.number()]));

/**
 * Is a part unpacked, with every file in the size and at the time that it was checked with? Cheap (one stat a file,
 * no reading), for every start.
 */
export async function partIsWhole(manifest: BundleManifest, part: string, root: string): Promise<boolean> {
  const text = await readFile(join(root, topFolder(manifest, part), markerName), "utf8").catch(() => undefined);
  if (text === undefined) return false;
  const known = parseMarker(text);
  if (known === undefined) return false;
  const checks = filesOf(manifest, part).map(async ([path, { bytes }]) => {
    const found = await stat(join(root, path)).catch(() => undefined);
    const [size, modifiedMs] = known[path] ?? [];
    return found?.isFile() === true && found.size === bytes && found.size === size && found.mtimeMs === modifiedMs;
  });
  return (await Promise.all(checks)).every((whole) => whole);
}

/**
 * Checks and unpacks a part, and swaps it for what was there.
 *
 * @throws VivError `bundle-damaged` when the packed file or a file inside is not what the manifest says; `disk-full`.
 */
export async function unpackPart(manifest: BundleManifest, part: string, folder: string, root: string): Promise<void> {
  const packed = manifest.parts[part];
  if (packed === undefined) throw vivError("bundle-damaged", `The bundle has no part ${part}.`, reinstallHint);
  const archive = join(folder, packed.file);
  await checkArchive(archive, packed);
  const temporary = join(dirname(root), `.${manifest.id}-${part}-${randomUUID()}`);
  try {
    await mkdir(temporary, { recursive: true, mode: 0o700 });
    await pipeline(createReadStream(archive), createBrotliDecompress(), extract({ cwd: temporary, strict: true, preserveOwner: false }));
    await checkFiles(manifest, part, temporary);
    await mkdir(root, { recursive: true, mode: 0o700 });
    await swapIn(manifest, part, temporary, root);
  } catch (thrown) {
    const error = asVivError(thrown);
    if (error.code !== "internal") throw error;
    throw vivError("bundle-damaged", `The bundle's part ${archive} could not be unpacked: ${error.message}`, reinstallHint, thrown);
  } finally {
    await rm(temporary, { recursive: true, force: true });
  }
}

/** The manifest beside the unpacked parts: it alone says later what this folder is. */
export async function writeManifest(root: string, text: string): Promise<void> {
  const path = join(root, "manifest.json");
  if ((await readFile(path, "utf8").catch(() => undefined)) === text) return;
  const temporary = `${path}.${randomUUID()}.tmp`;
  await writeFile(temporary, text, { mode: 0o600 });
  await rename(temporary, path);
}

async function checkArchive(archive: string, packed: { sha256: string; bytes: number }): Promise<void> {
  const found = await stat(archive).catch(() => undefined);
  if (found === undefined) throw vivError("bundle-damaged", `The bundle's part ${archive} is missing.`, reinstallHint);
  if (found.size !== packed.bytes) {
    throw vivError(
      "bundle-damaged",
      `The bundle's part ${archive} has ${humanBytes(found.size)} (${found.size} bytes) instead of ${packed.bytes} bytes.`,
      reinstallHint,
    );
  }
  if ((await hashFile(archive)) !== packed.sha256) {
    throw vivError("bundle-damaged", `The bundle's part ${archive} is not what was shipped: its SHA-256 differs.`, reinstallHint);
  }
}

/** Every file's content against the manifest, its mode set, and the marker written. */
async function checkFiles(manifest: BundleManifest, part: string, temporary: string): Promise<void> {
  const seen: z.infer<typeof marker> = {};
  for (const [path, { sha256, bytes, executable }] of filesOf(manifest, part)) {
    const file = join(temporary, path);
    const found = await stat(file).catch(() => undefined);
    if (found?.isFile() === true && found.size >= sparseFromBytes) await makeSparse(file);
    if (found?.isFile() !== true || found.size !== bytes || (await hashFile(file)) !== sha256) {
      throw vivError("bundle-damaged", `The bundle's file ${path} did not come out of ${part} as it was packed.`, reinstallHint);
    }
    await chmod(file, executable ? 0o755 : 0o644);
    const whole = Math.floor(found.mtimeMs / 1000); // whole seconds are kept alike by every file system
    await utimes(file, whole, whole);
    seen[path] = [bytes, whole * 1000];
  }
  await writeFile(join(temporary, topFolder(manifest, part), markerName), JSON.stringify(seen));
}

/**
 * Renames the part's top folder into place. Someone else's whole one that came first is as good as ours; a damaged one is
 * moved away (a program that runs from it keeps its open files) and removed with the temporary folder.
 */
async function swapIn(manifest: BundleManifest, part: string, temporary: string, root: string): Promise<void> {
  const top = topFolder(manifest, part);
  for (let attempt = 0; attempt < 5; attempt += 1) {
    try {
      await rename(join(temporary, top), join(root, top));
      return;
    } catch (thrown) {
      const code = (thrown as NodeJS.ErrnoException).code ?? "";
      if (!["ENOTEMPTY", "EEXIST", "EPERM", "EACCES", "EBUSY"].includes(code)) throw thrown;
    }
    if (await partIsWhole(manifest, part, root)) return;
    await rename(join(root, top), join(temporary, `damaged-${attempt}`)).catch((thrown: NodeJS.ErrnoException) => {
      if (thrown.code !== "ENOENT") throw thrown; // another repairer was faster
    });
  }
  throw vivError(
    "bundle-damaged",
    `The damaged files in ${join(root, top)} could not be replaced.`,
    "Stop every machine, run `viv daemon stop`, and start again.",
  );
}

function filesOf(manifest: BundleManifest, part: string): [string, BundleManifest["files"][string]][] {
  return Object.entries(manifest.files).filter(([, file]) => file.part === part);
}

/** The one folder that all files of a part are in (manifest.ts). */
export function topFolder(manifest: BundleManifest, part: string): string {
  const tops = new Set(filesOf(manifest, part).map(([path]) => path.split("/")[0] ?? ""));
  const [top, second] = [...tops];
  if (top === undefined || second !== undefined) {
    throw vivError("bundle-damaged", `The bundle's part ${part} has ${tops.size} top folders instead of one.`, reinstallHint);
  }
  return top;
}

function parseMarker(text: string): z.infer<typeof marker> | undefined {
  try {
    return marker.parse(JSON.parse(text));
  } catch {
    return undefined;
  }
}
