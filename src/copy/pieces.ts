import { createHash } from "node:crypto";
import { createReadStream, createWriteStream } from "node:fs";
import { chmod, open, rename, stat, utimes } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { pipeline } from "node:stream/promises";
import { vivError } from "../model/index.ts";
import { Meter } from "./tarStream.ts";
import { compareHashes, guestFailure, roomLeft, settled } from "./transfer.ts";
import { applet, appletWords, type CopyWork, type GuestPipe, wordsOf } from "./ways.ts";

/**
 * A large file goes by itself into a part beside its target (`.NAME.viv-part`). An interrupted copy leaves the part; the
 * next one hashes it on both sides, goes on behind it when it is the file's beginning, and starts anew when not.
 */
export const pieceFromBytes = 8 * 1024 * 1024;
const chunkBytes = 1024 * 1024;

export interface PieceCopied {
  readonly bytes: number;
  /** Of these, what an interrupted copy had brought already. */
  readonly resumedBytes: number;
  /** Of what travelled this time. */
  readonly sha256: string;
}

interface GuestFile {
  readonly machine: string;
  readonly path: string;
}

type Told = (bytes: number) => void;

/** Undefined where the guest's viv-agent is older than this way. */
export async function fileToGuest(work: CopyWork, source: string, target: GuestFile, told: Told): Promise<PieceCopied | undefined> {
  const { machine, path } = target;
  const part = partOf(path);
  const facts = await stat(source, { bigint: true });
  const size = Number(facts.size);
  const there = await piece(work, machine, ["hash", part, "0"]);
  if (there === undefined || there.exitCode === 2) return undefined;
  const known = there.exitCode === 0 ? await guestSize(work, machine, part) : 0;
  const begun = known <= size ? known : 0;
  const offset = begun > 0 && (await guestHash(work, machine, part, begun)) === (await hashOf(source, begun)) ? begun : 0;
  const meter = new Meter((bytes) => told(offset + bytes));
  const writing = await required(work, machine, ["write", part, String(offset)]);
  const said = wordsOf(writing.stderr);
  writing.stdout.resume();
  const reading = createReadStream(source, { start: offset, end: Math.max(offset, size - 1), highWaterMark: chunkBytes });
  const sent =
    size === offset ? meter.end() && pipeline(meter, writing.stdin) : pipeline(reading, meter, writing.stdin, { signal: work.signal });
  const exitCode = await settled(work, writing, sent);
  if (exitCode !== 0) throw guestFailure(exitCode, await said);
  const sha256 = meter.sha256();
  compareHashes(sha256, await said);
  if (offset + meter.bytes !== size) throw vivError("io-error", `${source} became shorter while it was copied.`, "Copy it again.");
  const mode = (facts.mode & 0o7777n).toString(8);
  const done = await piece(work, machine, ["settle", part, path, mode, String(facts.mtimeNs)]);
  if (done?.exitCode !== 0) throw guestFailure(done?.exitCode ?? 1, done?.stderr ?? "");
  return { bytes: size, resumedBytes: offset, sha256 };
}

/** `facts` are the guest's word on its file. Undefined where the guest's viv-agent is older than this way. */
export async function fileFromGuest(
  work: CopyWork,
  source: GuestFile,
  facts: GuestFacts,
  target: string,
  told: Told,
): Promise<PieceCopied | undefined> {
  const { machine, path } = source;
  const part = join(dirname(target), `.${basename(target)}.viv-part`);
  const begun = await stat(part).then(
    (each) => (each.isFile() && each.size <= facts.size ? each.size : 0),
    () => 0,
  );
  const hash = await piece(work, machine, ["hash", path, String(begun)]);
  if (hash === undefined || hash.exitCode === 2) return undefined;
  const offset = begun > 0 && hash.exitCode === 0 && hashIn(hash.stdout) === (await hashOf(part, begun)) ? begun : 0;
  const handle = await open(part, offset > 0 ? "r+" : "w", 0o600);
  try {
    await handle.truncate(offset);
    const meter = new Meter(
      (bytes) => told(offset + bytes),
      async () => {
        // One that says less than it sends would fill this host's disk.
        if (meter.bytes > facts.size - offset + chunkBytes)
          throw vivError("untrusted-input", `${path} goes on behind the ${facts.size} bytes that the guest said.`, "Copy it again.");
        await roomLeft(dirname(part));
      },
    );
    const reading = await required(work, machine, ["read", path, String(offset)]);
    const said = wordsOf(reading.stderr);
    reading.stdin.end();
    reading.exit.catch((error: Error) => meter.destroy(error));
    const writing = createWriteStream(part, { fd: handle.fd, start: offset, autoClose: false });
    const exitCode = await settled(work, reading, pipeline(reading.stdout, meter, writing, { signal: work.signal }));
    if (exitCode !== 0) throw guestFailure(exitCode, await said);
    const sha256 = meter.sha256();
    compareHashes(sha256, await said);
    await handle.sync();
    await chmod(part, facts.mode);
    await utimes(part, new Date(), Number(facts.mtimeNs / 1000n) / 1e6);
    await rename(part, target);
    return { bytes: offset + meter.bytes, resumedBytes: offset, sha256 };
  } finally {
    await handle.close();
  }
}

/** What `list` says of one entry. */
export interface GuestFacts {
  readonly type: string;
  readonly mode: number;
  readonly size: number;
  readonly mtimeNs: bigint;
}

/** `TYPE MODE SIZE MTIME-NS WORD PATH\0` for each entry, by path. The guest's word: sizes and times are numbers, no more is believed. */
export function parseList(text: string): Map<string, GuestFacts & { readonly word: string }> {
  const entries = new Map<string, GuestFacts & { readonly word: string }>();
  for (const line of text.split("\0")) {
    const match = /^(.) ([0-7]+) (\d+) (-?\d+) (\S+) ([\s\S]*)$/.exec(line);
    if (!match) continue;
    const [, type = "", mode = "", size = "", mtime = "", word = "", path = ""] = match;
    entries.set(path, { type, mode: Number.parseInt(mode, 8) & 0o7777, size: Number(size), mtimeNs: BigInt(mtime), word });
  }
  return entries;
}

function partOf(path: string): string {
  const slash = path.lastIndexOf("/");
  return `${path.slice(0, slash + 1)}.${path.slice(slash + 1)}.viv-part`;
}

function piece(work: CopyWork, machine: string, words: string[]): ReturnType<typeof appletWords> {
  return appletWords(work, machine, "piece", words);
}

async function required(work: CopyWork, machine: string, words: string[]): Promise<GuestPipe> {
  const pipe = await applet(work, machine, "piece", words);
  if (pipe) return pipe;
  throw vivError("agent-unavailable", `${machine}: viv-agent went away during the copy.`, "Copy again: it goes on where it was.");
}

async function guestSize(work: CopyWork, machine: string, path: string): Promise<number> {
  const listed = await appletWords(work, machine, "list", [path]);
  return parseList(listed?.stdout ?? "").get("")?.size ?? 0;
}

async function guestHash(work: CopyWork, machine: string, path: string, bytes: number): Promise<string | undefined> {
  return hashIn((await piece(work, machine, ["hash", path, String(bytes)]))?.stdout ?? "");
}

function hashIn(words: string): string | undefined {
  return /^sha256 ([0-9a-f]{64})$/m.exec(words)?.[1];
}

/** SHA-256 of a file's first bytes. */
export async function hashOf(path: string, bytes: number): Promise<string> {
  const hash = createHash("sha256");
  if (bytes > 0)
    for await (const chunk of createReadStream(path, { end: bytes - 1, highWaterMark: chunkBytes }) as AsyncIterable<Buffer>)
      hash.update(chunk);
  return hash.digest("hex");
}
