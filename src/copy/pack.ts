import { type BigIntStats, closeSync, constants, fstatSync, lstatSync, openSync, readdirSync, readFileSync, readlinkSync } from "node:fs";
import { open } from "node:fs/promises";
import { Readable } from "node:stream";
import { vivError } from "../model/index.ts";
import { paxHeader, paxPadding, paxTypes } from "./pax.ts";

/** What went into an archive; grows while it is made. */
export interface Packed {
  files: number;
  /** Of content. */
  bytes: number;
  /** Files that the other side has already. */
  skipped: number;
  /** Sockets, pipes and devices. */
  readonly leftOut: string[];
}

/** Whether the other side has this file already; `path` is below the archive's name, empty for itself. */
export type Skip = (path: string, facts: BigIntStats) => Promise<boolean>;

/** A file up to this size is read in one go; what is small is written together. */
const wholeBytes = 256 * 1024;
const batchBytes = 128 * 1024;
const pieceBytes = 1024 * 1024;

/**
 * A file or tree of this host as a pax archive in which it is called `name`. Links are kept, never followed; names are
 * bytes, so that those that are not UTF-8 stay what they are. A file that shrinks meanwhile is filled up with zeros.
 */
export function pack(path: string, name: string, packed: Packed, skip?: Skip): Readable {
  return Readable.from(archive(Buffer.from(path), Buffer.from(name), packed, skip), { objectMode: false, highWaterMark: pieceBytes });
}

export function newPacked(): Packed {
  return { files: 0, bytes: 0, skipped: 0, leftOut: [] };
}

async function* archive(path: Buffer, name: Buffer, packed: Packed, skip: Skip | undefined): AsyncGenerator<Buffer> {
  let batch: Buffer[] = [];
  let bytes = 0;
  for await (const part of entries(path, name, Buffer.alloc(0), packed, skip)) {
    batch.push(part);
    bytes += part.length;
    if (bytes < batchBytes) continue;
    yield Buffer.concat(batch);
    [batch, bytes] = [[], 0];
  }
  yield Buffer.concat([...batch, Buffer.alloc(1024)]);
}

/** The synchronous calls are four times as fast as the others; between two batches others have their turn. */
async function* entries(path: Buffer, name: Buffer, below: Buffer, packed: Packed, skip: Skip | undefined): AsyncGenerator<Buffer> {
  const facts = attempt(path, () => lstatSync(path, { bigint: true }));
  if (!facts) return;
  const head = { name, mode: Number(facts.mode & 0o7777n), mtimeNs: facts.mtimeNs };
  if (facts.isDirectory()) {
    yield paxHeader({ ...head, type: paxTypes.folder });
    for (const each of attempt(path, () => readdirSync(path, { encoding: "buffer" })) ?? [])
      yield* entries(joined(path, each), joined(name, each), below.length === 0 ? each : joined(below, each), packed, skip);
  } else if (facts.isSymbolicLink()) {
    const link = attempt(path, () => readlinkSync(path, { encoding: "buffer" }));
    if (link) yield paxHeader({ ...head, type: paxTypes.link, link });
  } else if (!facts.isFile()) {
    packed.leftOut.push(path.toString());
  } else if (skip && (await skip(below.toString(), facts))) {
    packed.skipped += 1;
  } else {
    yield* content(path, name, packed);
  }
}

const readOnly = constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0);

async function* content(path: Buffer, name: Buffer, packed: Packed): AsyncGenerator<Buffer> {
  const small = attempt(path, () => {
    const fd = openSync(path, readOnly);
    try {
      const facts = fstatSync(fd, { bigint: true });
      return facts.size > wholeBytes ? undefined : { facts, bytes: readFileSync(fd) };
    } finally {
      closeSync(fd);
    }
  });
  if (small) {
    packed.files += 1;
    packed.bytes += small.bytes.length;
    yield fileHeader(name, small.facts, small.bytes.length);
    yield small.bytes;
    yield paxPadding(small.bytes.length);
    return;
  }
  const handle = await open(path, readOnly).catch(() => undefined);
  if (!handle) return;
  try {
    const facts = await handle.stat({ bigint: true });
    const size = Number(facts.size);
    packed.files += 1;
    yield fileHeader(name, facts, size);
    for (let left = size; left > 0; ) {
      const buffer = Buffer.allocUnsafe(Math.min(left, pieceBytes));
      const { bytesRead } = await handle.read(buffer, 0, buffer.length, null);
      const some = bytesRead === 0 ? Buffer.alloc(buffer.length) : buffer.subarray(0, bytesRead);
      left -= some.length;
      packed.bytes += some.length;
      yield some;
    }
    yield paxPadding(size);
  } finally {
    await handle.close();
  }
}

function fileHeader(name: Buffer, facts: BigIntStats, size: number): Buffer {
  return paxHeader({ name, type: paxTypes.file, mode: Number(facts.mode & 0o7777n), mtimeNs: facts.mtimeNs, size });
}

const goneCodes: ReadonlySet<string | undefined> = new Set(["ENOENT", "ENOTDIR", "ELOOP"]);

/** What went away meanwhile is left out. @throws VivError `io-error` for what cannot be read. */
function attempt<T>(path: Buffer, work: () => T): T | undefined {
  try {
    return work();
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (goneCodes.has(code)) return undefined;
    throw vivError("io-error", `${path} cannot be read: ${message}`, "Check its permissions.", error);
  }
}

function joined(folder: Buffer, name: Buffer): Buffer {
  return Buffer.concat([folder, Buffer.from("/"), name]);
}
