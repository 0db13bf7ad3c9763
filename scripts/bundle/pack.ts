import { chmod, copyFile, cp, mkdir, mkdtemp, rm, stat, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { type BundleFile, type BundleManifest, type BundlePart, bundleManifest } from "../../src/backends/manifest.ts";
import type { CollectedFile, Collection } from "./collection.ts";
import { packTar, type Quality } from "./compress.ts";
import { BundleError } from "./errors.ts";
import { sha256, sha256OfFile } from "./hash.ts";

/** Limits of the compressed parts which travel in a VSIX. */
export const budgetBytes = { qemu: 22_000_000, shipped: 60_000_000 };

export type PackOptions = {
  /** The folder to write, replaced as a whole. */
  out: string;
  cache: string;
  /** Compress in seconds instead of minutes; the budget is not held then. */
  fast: boolean;
  progress: (line: string) => void;
};

/** QEMU's part has to be small; the others have room. */
function qualityOf(part: string, fast: boolean): Quality {
  if (fast) return 5;
  return part === "qemu" ? 10 : 9;
}

/**
 * Stages a collection's files, packs each part, and writes the parts and manifest.json to `out`.
 *
 * @returns the manifest, as it was written
 */
export async function packBundle(collection: Collection, options: PackOptions): Promise<BundleManifest> {
  const { out, cache, fast, progress } = options;
  await mkdir(join(cache, "stage"), { recursive: true });
  const stage = await mkdtemp(join(cache, "stage", `${collection.platform}-`));
  try {
    const files = await stageFiles(collection.files, stage);
    await rm(out, { recursive: true, force: true });
    await mkdir(out, { recursive: true });
    // Each part is compressed by one thread; together they take as long as the slowest.
    const names = [...new Set(collection.files.map((file) => file.part))];
    const packed = await Promise.all(
      names.map(async (part): Promise<[string, BundlePart]> => {
        const optional = collection.optionalParts.includes(part);
        const done = await packPart(part, files, stage, options, optional);
        progress(`${done.file}: ${(done.bytes / 1e6).toFixed(1)} MB (${(done.unpackedBytes / 1e6).toFixed(0)} MB unpacked)`);
        return [part, done];
      }),
    );
    const manifest = makeManifest(collection, files, Object.fromEntries(packed));
    if (!fast) checkBudget(manifest);
    await writeFile(join(out, "manifest.json"), `${JSON.stringify(manifest, undefined, 1)}\n`);
    return manifest;
  } finally {
    await rm(stage, { recursive: true, force: true });
  }
}

async function stageFiles(files: CollectedFile[], stage: string): Promise<Record<string, BundleFile>> {
  const staged: Record<string, BundleFile> = {};
  for (const file of files) {
    const to = join(stage, file.part, file.path);
    await mkdir(dirname(to), { recursive: true });
    if ("bytes" in file.content) await writeFile(to, file.content.bytes);
    else await copyFile(file.content.file, to);
    await chmod(to, file.executable ? 0o755 : 0o644);
    staged[file.path] = {
      part: file.part,
      sha256: await sha256OfFile(to),
      bytes: (await stat(to)).size,
      executable: file.executable,
    };
  }
  return staged;
}

async function packPart(
  part: string,
  files: Record<string, BundleFile>,
  stage: string,
  { out, cache, fast }: PackOptions,
  optional: boolean,
): Promise<BundlePart> {
  const own = Object.entries(files).filter(([, file]) => file.part === part);
  const names = own.map(([path]) => path);
  const packed = await packTar(join(stage, part), names, qualityOf(part, fast), cache);
  const file = `${part}.tar.br`;
  await cp(packed, join(out, file));
  return {
    file,
    sha256: await sha256OfFile(join(out, file)),
    bytes: (await stat(join(out, file))).size,
    unpackedBytes: own.reduce((sum, [, one]) => sum + one.bytes, 0),
    optional,
  };
}

/** Puts the manifest together, every list in a fixed order, and checks it against its own schema. */
export function makeManifest(collection: Collection, files: Record<string, BundleFile>, parts: Record<string, BundlePart>): BundleManifest {
  const packages = [...collection.packages].sort((a, b) => compare(a.name, b.name));
  return bundleManifest.parse({
    schema: 1,
    platform: collection.platform,
    id: contentId(files),
    qemuVersion: collection.qemuVersion,
    parts: sortedByKey(parts),
    files: sortedByKey(files),
    programs: sortedByKey(collection.programs),
    dataDirectories: collection.dataDirectories,
    firmware: sortedByKey(collection.firmware),
    packages,
  } satisfies BundleManifest);
}

/** 12 hex digits over path, mode and content of every file; the compressor does not matter. */
export function contentId(files: Record<string, BundleFile>): string {
  const lines = Object.entries(sortedByKey(files)).map(([path, file]) => `${path}\0${file.executable ? "x" : "-"}\0${file.sha256}\n`);
  return sha256(lines.join("")).slice(0, 12);
}

function checkBudget(manifest: BundleManifest): void {
  const qemu = manifest.parts["qemu"]?.bytes ?? 0;
  const shipped = Object.values(manifest.parts).reduce((sum, part) => sum + (part.optional ? 0 : part.bytes), 0);
  if (qemu <= budgetBytes.qemu && shipped <= budgetBytes.shipped) return;
  throw new BundleError(
    "too-large",
    `qemu is ${qemu} bytes (limit ${budgetBytes.qemu}), all shipped parts ${shipped} (limit ${budgetBytes.shipped})`,
    "Leave something out in scripts/bundle/recipe.ts.",
  );
}

function sortedByKey<T extends object>(record: T): T {
  return Object.fromEntries(Object.entries(record).sort(([a], [b]) => compare(a, b))) as T;
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
