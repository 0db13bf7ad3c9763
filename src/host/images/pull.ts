import { createHash } from "node:crypto";
import { mkdir, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import type { Work } from "../../machine/index.ts";
import { type Architecture, humanBytes, vivError } from "../../model/index.ts";
import { type FetchedFile, fetchResumably, type NetworkSettings } from "../download/index.ts";
import { recordOf } from "../download/resumable.ts";
import type { Home } from "../home.ts";
import { requireImageName } from "./importImage.ts";
import { exclusively, isLocked } from "./locks.ts";
import { type Expected, expectedDigest } from "./proof.ts";
import type { Image } from "./record.ts";
import { type PullSource, sourceOf } from "./source.ts";
import { listNamed } from "./store.ts";
import { type StoreContext, takeIn } from "./takeIn.ts";

export interface PullRequest {
  /** A name of the catalog, or an http or https URL. */
  readonly source: string;
  /** What it is called here; absent: the catalog's name, or the file's. */
  readonly name?: string | undefined;
  readonly architecture?: Architecture | undefined;
  /** `HEX`, `sha256:HEX`, `sha512:HEX`. */
  readonly digest?: string | undefined;
  /** A list of checksums, and what signs it; `keyFile` is an armoured public key (default: the catalog's). */
  readonly checksums?: string | undefined;
  readonly signature?: string | undefined;
  readonly keyFile?: string | undefined;
  readonly firmware?: "bios" | "uefi" | undefined;
  readonly login?: string | undefined;
  readonly firstBoot?: "cloud-init" | "none" | undefined;
  readonly catalog?: string | undefined;
  readonly network?: NetworkSettings | undefined;
  readonly replace: boolean;
}

export interface PullContext extends StoreContext {
  readonly mediaFolder: string | undefined;
}

export interface Pulled {
  readonly image: Image;
  /** False: what is here is what the publisher has. */
  readonly fetched: boolean;
  readonly resumedBytes: number;
  readonly notes: string[];
}

/** Nobody publishes a larger image; a server that sends more is wrong, or means harm. */
const largestBytes = 128 * 1024 ** 3;

/**
 * Fetches an image: what proves it first, then the file (going on where an earlier try ended), its digest on the way, then
 * the same way into the store as an import. What came of a file stays for the next try, unless it is worth nothing.
 * @throws VivError `usage` without a digest or a list, `untrusted-input` (another digest, a bad signature, a page, no image),
 *   `not-found`, `timeout`, `failed`, `disk-full`, `cancelled`, `exists`.
 */
export async function pullImage(request: PullRequest, context: PullContext, work: Work): Promise<Pulled> {
  const source = await sourceOf(request, context, work);
  requireImageName(source.name);
  return exclusively(
    `image ${source.name}`,
    work.signal,
    () => work.progress({ kind: "pull", step: `waiting for another pull of ${source.name}` }),
    () => pull(source, request, context, work),
  );
}

async function pull(source: PullSource, request: PullRequest, context: PullContext, work: Work): Promise<Pulled> {
  work.progress({ kind: "pull", step: "looking up its checksum" });
  const expected = await expectedDigest(source, request.network, work.signal);
  const here = await inStore(source, context);
  const digest = `${expected.algorithm}:${expected.hex}`;
  if (here?.origin?.kind === "pull") {
    if (here.origin.digest === digest) return { image: here, fetched: false, resumedBytes: 0, notes: [] };
    requireNewer(source, here.origin.signedAt, expected);
  }
  const replace = request.replace || (here?.origin?.kind === "pull" && sameOrigin(source, here));
  if (here && !replace)
    throw vivError(
      "exists",
      `There is an image ${source.name} already, from elsewhere.`,
      "Choose another name (--name), or replace it: --replace",
    );
  const part = await partOf(source, expected, context.home);
  return exclusively(
    part,
    work.signal,
    () => work.progress({ kind: "pull", step: "waiting for another pull of the same file" }),
    () => fetchAndTakeIn(source, expected, part, { ...request, replace }, context, work),
  );
}

async function fetchAndTakeIn(
  source: PullSource,
  expected: Expected,
  file: string,
  request: PullRequest,
  context: PullContext,
  work: Work,
): Promise<Pulled> {
  const fetched = await fetchFile(source, expected, file, request, work);
  try {
    const { image, notes } = await takeIn(
      file,
      { ...source, replace: request.replace, fileName: source.url.href },
      () => ({
        kind: "pull",
        url: source.url.href,
        ...(source.catalog === undefined ? {} : { catalog: source.catalog }),
        digest: `${expected.algorithm}:${expected.hex}`,
        proof: expected.proof,
        ...(expected.signedBy === undefined ? {} : { signedBy: expected.signedBy }),
        ...(expected.signedAt === undefined ? {} : { signedAt: expected.signedAt }),
      }),
      context,
      work,
      "pull",
    );
    await forget(file);
    return { image, fetched: true, resumedBytes: fetched.resumedBytes, notes: [...expected.notes, ...notes] };
  } catch (error) {
    // It is what it should be, and no image: fetching it again would bring the same.
    if ((error as { code?: string }).code === "untrusted-input") await forget(file);
    throw error;
  }
}

async function inStore({ name, architecture }: PullSource, { home, hostArchitecture }: PullContext): Promise<Image | undefined> {
  const named = (await listNamed(home.images)).filter((image) => image.name === name);
  return named.find((image) => image.architecture === (architecture ?? hostArchitecture));
}

function sameOrigin(source: PullSource, { origin }: Image): boolean {
  if (origin?.kind !== "pull") return false;
  return source.catalog === undefined ? origin.url === source.url.href : origin.catalog === source.catalog;
}

/** A list that was signed before the one that is known is a copy of an old day: nobody goes back by accident. */
function requireNewer({ name }: PullSource, known: string | undefined, expected: Expected): void {
  if (known === undefined || expected.signedAt === undefined || expected.signedAt >= known) return;
  throw vivError(
    "untrusted-input",
    `The list of checksums for ${name} was signed ${expected.signedAt}, before the one it was fetched by last (${known}).`,
    "The mirror is stale, or somebody wants you to take an old image. Try again later.",
  );
}

/** One file for an address and what it must be: what came of another version is not gone on with. */
async function partOf({ url }: PullSource, { hex }: Expected, home: Home): Promise<string> {
  const folder = join(home.cache, downloadsFolder);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const key = createHash("sha256").update(`${url.href} ${hex}`).digest("hex").slice(0, 32);
  return join(folder, `${key}.part`);
}

const downloadsFolder = "downloads";

/** Half-fetched files that nobody is fetching now. */
export async function halfFetched(home: Home): Promise<string[]> {
  const folder = join(home.cache, downloadsFolder);
  const files = (await readdir(folder).catch(() => [])).filter((name) => name.endsWith(".part")).map((name) => join(folder, name));
  return files.filter((file) => !isLocked(file));
}

async function fetchFile(source: PullSource, expected: Expected, file: string, request: PullRequest, work: Work): Promise<FetchedFile> {
  work.progress({ kind: "pull", step: `asking ${source.url.host}` });
  const fetched = await fetchResumably(source.url, file, {
    signal: work.signal,
    maximumBytes: largestBytes,
    algorithm: expected.algorithm,
    network: request.network,
    progress: ({ bytes, totalBytes, bytesPerSecond }) =>
      work.progress({
        kind: "pull",
        step: downloadWords(bytes, totalBytes, bytesPerSecond),
        ...(totalBytes === undefined ? {} : { percent: Math.min(100, Math.floor((bytes / totalBytes) * 100)) }),
      }),
  });
  if (fetched.digest !== expected.hex) {
    await forget(file);
    throw vivError(
      "untrusted-input",
      `${source.url.href} is not what was expected: its ${expected.algorithm === "sha256" ? "SHA-256" : "SHA-512"} is ${fetched.digest}.`,
      fetched.resumedBytes > 0
        ? "It changed while it was fetched in parts; what came is thrown away. Try again."
        : "The file was replaced, or its list of checksums is stale. Try again later, and do not use it.",
    );
  }
  return fetched;
}

/** A half-fetched file and its record. */
export async function forget(part: string): Promise<void> {
  await rm(part, { force: true });
  await rm(recordOf(part), { force: true });
}

/** `downloading: 120 of 300 MiB, 12 MiB/s, 15 s left` */
export function downloadWords(bytes: number, total: number | undefined, bytesPerSecond: number): string {
  const parts = [total === undefined ? humanBytes(bytes) : `${humanBytes(bytes)} of ${humanBytes(total)}`];
  if (bytesPerSecond > 0) parts.push(`${humanBytes(Math.round(bytesPerSecond))}/s`);
  if (bytesPerSecond > 0 && total !== undefined) parts.push(`${timeWords((total - bytes) / bytesPerSecond)} left`);
  return `downloading: ${parts.join(", ")}`;
}

function timeWords(seconds: number): string {
  if (seconds < 90) return `${Math.ceil(seconds)} s`;
  if (seconds < 5400) return `${Math.round(seconds / 60)} min`;
  return `${(seconds / 3600).toFixed(1)} h`;
}
