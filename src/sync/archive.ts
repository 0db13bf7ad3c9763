import { closeSync, constants, fstatSync, openSync, readFileSync } from "node:fs";
import { open } from "node:fs/promises";
import { join } from "node:path";
import { paxHeader, paxPadding, paxTypes } from "../copy/index.ts";
import type { Entry } from "./entry.ts";
import { factsEntry } from "./scan.ts";

const block = 512;
/** A file up to this size is read in one go; a batch of them is written together. */
const wholeBytes = 256 * 1024;
const batchBytes = 128 * 1024;

/**
 * Entries of a folder as a pax archive (POSIX.1-2017, pax), times to the microsecond. `told` gets each entry as it was
 * when it was read, or undefined when it went away meanwhile: then it is not in the archive.
 */
export async function* archive(
  root: string,
  paths: readonly string[],
  tree: ReadonlyMap<string, Entry>,
  told: (path: string, entry: Entry | undefined) => void,
): AsyncGenerator<Buffer> {
  let batch: Buffer[] = [];
  let bytes = 0;
  const add = (...parts: Buffer[]) => {
    for (const part of parts) {
      batch.push(part);
      bytes += part.length;
    }
  };
  for (const path of paths) {
    const known = tree.get(path);
    if (!known) continue;
    if (known.kind !== "file") {
      add(header(path, known));
      told(path, known);
    } else if (known.size <= wholeBytes) {
      const file = readWhole(join(root, path));
      if (file) add(header(path, file.entry), file.content, paxPadding(file.content.length));
      told(path, file?.entry);
    } else {
      yield Buffer.concat(batch);
      [batch, bytes] = [[], 0];
      yield* large(root, path, told);
    }
    if (bytes < batchBytes) continue;
    yield Buffer.concat(batch);
    [batch, bytes] = [[], 0];
  }
  add(Buffer.alloc(2 * block));
  yield Buffer.concat(batch);
}

/** What stands at the place is read only if it is a file: a link put there meanwhile is not followed. */
const readOnly = constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0);
const goneCodes: ReadonlySet<string | undefined> = new Set(["ENOENT", "ENOTDIR", "ELOOP"]);

function readWhole(place: string): { entry: Entry; content: Buffer } | undefined {
  let fd: number;
  try {
    fd = openSync(place, readOnly);
  } catch (error) {
    if (goneCodes.has((error as NodeJS.ErrnoException).code)) return undefined;
    throw error;
  }
  try {
    const facts = fstatSync(fd);
    if (!facts.isFile()) return undefined;
    const content = readFileSync(fd);
    return { entry: { ...factsEntry("file", facts), size: content.length }, content };
  } finally {
    closeSync(fd);
  }
}

/** A file that shrinks while it is read is filled up with zeros; one that grows is cut. Its times say that it changed. */
async function* large(root: string, path: string, told: (path: string, entry: Entry | undefined) => void): AsyncGenerator<Buffer> {
  const handle = await open(join(root, path), readOnly).catch((error: NodeJS.ErrnoException) => {
    if (goneCodes.has(error.code)) return undefined;
    throw error;
  });
  if (!handle) {
    told(path, undefined);
    return;
  }
  try {
    const facts = await handle.stat();
    if (!facts.isFile()) {
      told(path, undefined);
      return;
    }
    const entry = factsEntry("file", facts);
    yield header(path, entry);
    for (let left = entry.size; left > 0; ) {
      const buffer = Buffer.alloc(Math.min(left, wholeBytes));
      const { bytesRead } = await handle.read(buffer, 0, buffer.length, entry.size - left);
      const some = bytesRead === 0 ? buffer : buffer.subarray(0, bytesRead);
      left -= some.length;
      yield some;
    }
    yield paxPadding(entry.size);
    told(path, entry);
  } finally {
    await handle.close();
  }
}

function header(path: string, { kind, mode, mtimeUs, size, target }: Entry): Buffer {
  const link = target === undefined ? {} : { link: Buffer.from(target) };
  return paxHeader({ type: paxTypes[kind], name: Buffer.from(path), mode, mtimeNs: BigInt(Math.round(mtimeUs)) * 1000n, size, ...link });
}
