import { createHash, type Hash } from "node:crypto";
import { type FileHandle, open, readFile, rm, statfs } from "node:fs/promises";
import { dirname } from "node:path";
import type { Dispatcher } from "undici";
import * as z from "zod";
import { pauseForTest, writeFileAtomically } from "../../machine/index.ts";
import { humanBytes, vivError } from "../../model/index.ts";
import { fileSink } from "./fileSink.ts";
import { type NetworkSettings, openNetwork } from "./network.ts";
import { ask, cut, explained, isPage, lengthOf, letGo, page, refused, silenceAfter, tooLong, type WebAnswer } from "./web.ts";

export interface ResumableOptions {
  readonly signal: AbortSignal;
  readonly maximumBytes: number;
  /** Which digest is wanted of it. */
  readonly algorithm: "sha256" | "sha512";
  readonly network?: NetworkSettings | undefined;
  readonly silenceMs?: number | undefined;
  /** Told a few times a second at most. */
  readonly progress?: (progress: Progress) => void;
}

export interface Progress {
  readonly bytes: number;
  readonly totalBytes: number | undefined;
  /** Over the last seconds; 0 until known. */
  readonly bytesPerSecond: number;
}

export interface FetchedFile {
  readonly url: URL;
  readonly bytes: number;
  readonly sha256: string;
  /** In the algorithm that was asked for. */
  readonly digest: string;
  /** Bytes that an earlier try had brought already. */
  readonly resumedBytes: number;
}

/** What a half-fetched file is of: the rest is taken only while the server has the same (RFC 9110 §13.1.5, If-Range). */
const PartRecord = z.object({ url: z.string(), validator: z.string() });

/**
 * Fetches a large file into `part`, going on where an earlier try ended, of this process or of one that died. What is
 * there stays after a failure, except when it is worth nothing.
 *
 * @param part a file of ours alone; its record lies beside it (`….json`)
 * @throws VivError as `download`, and `disk-full` before it begins where the file is longer than what is free.
 */
export async function fetchResumably(address: URL, part: string, options: ResumableOptions): Promise<FetchedFile> {
  const network = await openNetwork(options.network);
  const silence = silenceAfter(options.silenceMs ?? 30_000);
  const signal = AbortSignal.any([options.signal, silence.signal]);
  try {
    const file = await open(part, "a+", 0o600).then(async (handle) => {
      await handle.close();
      return open(part, "r+");
    });
    try {
      return await fetchInto(file, { address, part, options, dispatcher: network.dispatcher, signal, heard: silence.heard });
    } finally {
      await file.close();
    }
  } catch (error) {
    options.signal.throwIfAborted();
    throw explained(error, address, silence.signal.aborted);
  } finally {
    silence.stop();
    await network.close();
  }
}

interface Job {
  readonly address: URL;
  readonly part: string;
  readonly options: ResumableOptions;
  readonly dispatcher: Dispatcher;
  readonly signal: AbortSignal;
  heard(): void;
}

async function fetchInto(file: FileHandle, job: Job): Promise<FetchedFile> {
  const { address, part, options } = job;
  const there = (await file.stat()).size;
  const known = there === 0 ? undefined : await readRecord(part, address);
  const hashes = hashesOf(options.algorithm);
  // What is there already is read before the server is asked, or it would wait for us.
  if (known) await hashStart(file, there, hashes, job);
  const headers: Record<string, string> = known ? { range: `bytes=${there}-`, "if-range": known.validator } : {};
  let answer = await ask(address, job.dispatcher, job.signal, headers);
  // Nothing is left to fetch, or the file there is shorter now: from the beginning.
  if (answer.status === 416) {
    letGo(answer.body);
    answer = await ask(address, job.dispatcher, job.signal);
  }
  try {
    const goesOn = known !== undefined && continues(answer, there);
    if (goesOn) return await receive(answer, file, there, hashes, job);
    await file.truncate(0);
    return await receive(answer, file, 0, hashesOf(options.algorithm), job);
  } finally {
    letGo(answer.body);
  }
}

interface Hashes {
  readonly sha256: Hash;
  readonly asked: Hash;
}

function hashesOf(algorithm: ResumableOptions["algorithm"]): Hashes {
  const sha256 = createHash("sha256");
  return { sha256, asked: algorithm === "sha256" ? sha256 : createHash(algorithm) };
}

function update({ sha256, asked }: Hashes, chunk: Buffer): void {
  sha256.update(chunk);
  if (asked !== sha256) asked.update(chunk);
}

async function hashStart(file: FileHandle, bytes: number, hashes: Hashes, { signal, heard }: Job): Promise<void> {
  const buffer = Buffer.allocUnsafe(1 << 20);
  for (let at = 0; at < bytes; ) {
    signal.throwIfAborted();
    heard();
    const { bytesRead } = await file.read(buffer, 0, Math.min(buffer.length, bytes - at), at);
    if (bytesRead === 0) throw vivError("io-error", "A half-fetched file became shorter while it was read.", "Try again.");
    update(hashes, buffer.subarray(0, bytesRead));
    at += bytesRead;
  }
}

/** 206 with the part that was asked for. */
function continues(answer: WebAnswer, from: number): boolean {
  return answer.status === 206 && new RegExp(`^bytes ${from}-\\d+/(\\d+|\\*)$`).test(answer.header("content-range") ?? "");
}

async function receive(answer: WebAnswer, file: FileHandle, from: number, hashes: Hashes, job: Job): Promise<FetchedFile> {
  const { url, status, body } = answer;
  const { options, part } = job;
  if (status !== 200 && status !== 206) throw refused(status, url);
  if (status === 206 && from === 0)
    throw vivError("failed", `${url.href}: the server sent a part that nobody asked for.`, "Try again later.");
  const rest = lengthOf(answer);
  const total = rest === undefined ? undefined : from + rest;
  if (total !== undefined && total > options.maximumBytes) throw tooLong(url, options.maximumBytes);
  if (rest !== undefined) await requireFree(part, rest);
  if (from === 0) await writeRecord(part, job.address, answer);
  const sink = fileSink(file, from);
  const rate = rateMeter(from, total, options.progress);
  let bytes = from;
  try {
    for await (const piece of body) {
      const chunk = piece as Buffer;
      job.heard();
      if (bytes === 0 && isPage(answer, chunk)) {
        await forget(part, file);
        throw page(url);
      }
      bytes += chunk.length;
      if (bytes > options.maximumBytes || (total !== undefined && bytes > total)) {
        await forget(part, file);
        throw tooLong(url, total ?? options.maximumBytes);
      }
      update(hashes, chunk);
      await sink.write(chunk);
      rate(bytes);
      await pauseForTest("pull", "half-way");
    }
  } finally {
    // What came is kept for the next try, whatever ended this one.
    await sink.flush();
  }
  if (total !== undefined && bytes < total) throw cut(url);
  if (bytes === 0) throw vivError("untrusted-input", `${url.href} is empty.`, "Check the address.");
  const sha256 = hashes.sha256.digest("hex");
  const digest = hashes.asked === hashes.sha256 ? sha256 : hashes.asked.digest("hex");
  return { url, bytes, sha256, digest, resumedBytes: from };
}

/** Some room is left for everything else on that disk. */
const spareBytes = 32 * 1024 ** 2;

async function requireFree(part: string, bytes: number): Promise<void> {
  const { bavail, bsize } = await statfs(dirname(part));
  const free = bavail * bsize;
  if (bytes + spareBytes <= free) return;
  throw vivError(
    "disk-full",
    `The file has ${humanBytes(bytes)} more to come, and ${humanBytes(free)} are free in ${dirname(part)}.`,
    "Free some space (viv prune) and try again; what came already is kept.",
  );
}

/** A weak ETag promises the same meaning, not the same bytes; a date to the second is better than nothing. */
async function writeRecord(part: string, address: URL, answer: WebAnswer): Promise<void> {
  const etag = answer.header("etag");
  const validator = etag !== undefined && !etag.startsWith("W/") ? etag : answer.header("last-modified");
  if (validator === undefined || answer.header("accept-ranges") === "none") return rm(recordOf(part), { force: true });
  await writeFileAtomically(recordOf(part), JSON.stringify({ url: address.href, validator } satisfies z.infer<typeof PartRecord>));
}

async function readRecord(part: string, address: URL): Promise<z.infer<typeof PartRecord> | undefined> {
  try {
    const record = PartRecord.parse(JSON.parse(await readFile(recordOf(part), "utf8")));
    return record.url === address.href ? record : undefined;
  } catch {
    return undefined;
  }
}

async function forget(part: string, file: FileHandle): Promise<void> {
  await file.truncate(0);
  await rm(recordOf(part), { force: true });
}

export function recordOf(part: string): string {
  return `${part}.json`;
}

const tellEveryMs = 250;
/** The rate is of about so long ago until now. */
const rateWindowMs = 5_000;

function rateMeter(from: number, total: number | undefined, progress: ResumableOptions["progress"]): (bytes: number) => void {
  let marks: { at: number; bytes: number }[] = [{ at: performance.now(), bytes: from }];
  let told = 0;
  return (bytes) => {
    const at = performance.now();
    if (!progress || at - told < tellEveryMs) return;
    told = at;
    marks = [...marks.filter((mark) => at - mark.at <= rateWindowMs), { at, bytes }];
    const first = marks[0];
    const bytesPerSecond = first && at > first.at ? ((bytes - first.bytes) / (at - first.at)) * 1000 : 0;
    progress({ bytes, totalBytes: total, bytesPerSecond });
  };
}
