import { lstat, mkdir, readFile, stat, writeFile } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { pipeline } from "node:stream/promises";
import { asVivError, vivError } from "../model/index.ts";
import { newPacked, pack, type Skip } from "./pack.ts";
import { fileFromGuest, fileToGuest, hashOf, parseList, pieceFromBytes } from "./pieces.ts";
import { guestBase, guestFolder } from "./places.ts";
import { Meter, unpack } from "./tarStream.ts";
import { compareHashes, guestFailure, roomLeft, settled } from "./transfer.ts";
import { applet, appletWords, type CopyWay, type CopyWork, nothing, shellQuote, tarBySsh, wordsOf } from "./ways.ts";

/** What was copied. */
export interface Copied {
  readonly source: string;
  readonly target: string;
  readonly files: number;
  /** Of content, not of the archive. */
  readonly bytes: number;
  /** Files that were there already (`resume`), and bytes that an interrupted copy had brought. */
  readonly skipped: number;
  readonly resumedBytes: number;
  /** Of what travelled, as both sides counted it; null by SSH and qemu-guest-agent, whose own checks hold. */
  readonly sha256: string | null;
  readonly way: CopyWay;
  /** Sockets, pipes and devices. */
  readonly leftOut: readonly string[];
}

export interface CopyOptions {
  /** Leave out what the other side has with equal size, time and content. */
  readonly resume?: boolean;
  readonly way?: CopyWay | "auto";
}

interface GuestSide {
  readonly machine: string;
  readonly path: string;
}

/** Bytes that have passed, of about so many where that is known. */
export type CopyTold = (bytes: number, totalBytes?: number) => void;

/** qemu-guest-agent takes a file in one piece. */
const agentLimitBytes = 16 * 1024 * 1024;

/** `source` is absolute. @throws VivError `not-found`, `agent-unavailable`, `agent-failed`, `disk-full`. */
export async function copyToGuest(
  work: CopyWork,
  source: string,
  target: GuestSide,
  told: CopyTold,
  options: CopyOptions = {},
): Promise<Copied> {
  const path = resolve(source);
  const facts = await lstat(path).catch(() => {
    throw vivError("not-found", `There is no ${path}.`);
  });
  const { machine } = target;
  const inside = target.path.endsWith("/") || (await isGuestFolder(work, target));
  const folder = inside ? target.path : guestFolder(target.path);
  const name = inside ? basename(path) : guestBase(target.path);
  const placed = join(folder, name).replaceAll("\\", "/");
  const places = { source: path, target: `${machine}:${placed}`, leftOut: [] };
  const size = facts.isFile() ? facts.size : undefined;
  const way = options.way ?? "auto";
  if (size !== undefined && size >= pieceFromBytes && (way === "auto" || way === "viv-agent")) {
    const whole = await fileToGuest(work, path, { machine, path: placed }, (bytes) => told(bytes, size));
    if (whole) return { ...places, ...whole, files: 1, skipped: 0, way: "viv-agent" };
  }
  if (way === "agent") return fileByAgent(work, path, size, { machine, path: placed });
  const byAgent = way === "ssh" ? undefined : await applet(work, machine, "put", [folder]);
  if (!byAgent && way === "viv-agent") throw nothing(machine, "SSH was not tried.");
  const pipe = byAgent ?? (await tarBySsh(work, machine, `mkdir -p ${shellQuote(folder)} && exec tar xpof - -C ${shellQuote(folder)}`));
  const skip = options.resume && byAgent ? await skipEqual(work, path, { machine, path: placed }) : undefined;
  const packed = newPacked();
  const meter = new Meter(() => told(packed.bytes, size));
  const said = wordsOf(pipe.stderr);
  pipe.stdout.resume();
  const exitCode = await settled(work, pipe, pipeline(pack(path, name, packed, skip), meter, pipe.stdin, { signal: work.signal }));
  if (exitCode === 255 && pipe.way === "ssh" && way === "auto" && (await hasAgent(work, machine)))
    return fileByAgent(work, path, size, { machine, path: placed });
  if (exitCode !== 0) throw pipe.way === "ssh" && exitCode === 255 ? nothing(machine, await said) : guestFailure(exitCode, await said);
  const sha256 = pipe.way === "viv-agent" ? meter.sha256() : null;
  if (sha256 !== null) compareHashes(sha256, await said);
  const { files, bytes, skipped, leftOut } = packed;
  return { ...places, files, bytes, skipped, resumedBytes: 0, sha256, way: pipe.way, leftOut };
}

/** `target` is absolute, but may end with a slash: then it is a folder. */
export async function copyFromGuest(
  work: CopyWork,
  source: GuestSide,
  target: string,
  told: CopyTold,
  options: CopyOptions = {},
): Promise<Copied> {
  const { machine } = source;
  const path = resolve(target);
  const inside = /[\\/]$/.test(target) || (await isFolder(path));
  const name = inside ? guestBase(source.path) || machine : basename(path);
  const folder = inside ? path : dirname(path);
  await mkdir(folder, { recursive: true });
  const placed = join(folder, name);
  const places = { source: `${machine}:${source.path}`, target: placed, leftOut: [] };
  const way = options.way ?? "auto";
  if (way === "agent") return fileFromAgent(work, source, placed);
  const listed = way === "ssh" ? undefined : await appletWords(work, machine, "list", [source.path, ...(options.resume ? ["hash"] : [])]);
  if (!listed && way === "viv-agent") throw nothing(machine, "SSH was not tried.");
  const entries = parseList(listed?.stdout ?? "");
  const root = entries.get("");
  if (root?.type === "f" && root.size >= pieceFromBytes) {
    const whole = await fileFromGuest(work, source, root, placed, (bytes) => told(bytes, root.size));
    if (whole) return { ...places, ...whole, files: 1, skipped: 0, way: "viv-agent" };
  }
  const wanted = options.resume && root?.type === "d" ? await missing(placed, entries) : undefined;
  if (wanted?.names.length === 0)
    return { ...places, files: 0, bytes: 0, skipped: wanted.skipped, resumedBytes: 0, sha256: null, way: "viv-agent" };
  const pipe = listed
    ? await applet(work, machine, wanted ? "fetch" : "get", wanted ? [source.path] : [source.path, name])
    : await tarBySsh(
        work,
        machine,
        `cd ${shellQuote(guestFolder(source.path))} && exec tar cf - -- ${shellQuote(guestBase(source.path) || ".")}`,
      );
  if (!pipe) throw nothing(machine, "viv-agent went away.");
  const into = wanted ? placed : folder;
  if (wanted) await mkdir(into, { recursive: true });
  const total = [...entries.values()].reduce((sum, each) => sum + (each.type === "f" ? each.size : 0), 0);
  const meter = new Meter(
    (bytes) => told(bytes, total > 0 ? total : undefined),
    () => roomLeft(into),
  );
  const said = wordsOf(pipe.stderr);
  pipe.stdin.end(wanted ? namesFrame(wanted.names) : undefined);
  const stop = () => pipe.close();
  work.signal.addEventListener("abort", stop, { once: true });
  try {
    pipe.stdout.pipe(meter);
    pipe.exit.catch((error: Error) => meter.destroy(error));
    const rename = pipe.way === "ssh" ? { rename: { from: guestBase(source.path) || ".", to: name } } : {};
    const taking = unpack(meter, into, rename);
    const exitCode = await settled(work, pipe, taking);
    if (exitCode === 255 && pipe.way === "ssh" && way === "auto" && (await hasAgent(work, machine)))
      return fileFromAgent(work, source, placed);
    if (exitCode !== 0) throw pipe.way === "ssh" && exitCode === 255 ? nothing(machine, await said) : guestFailure(exitCode, await said);
    const sha256 = pipe.way === "viv-agent" ? meter.sha256() : null;
    if (sha256 !== null) compareHashes(sha256, await said);
    const { files, bytes } = await taking;
    return { ...places, files, bytes, skipped: wanted?.skipped ?? 0, resumedBytes: 0, sha256, way: pipe.way };
  } finally {
    work.signal.removeEventListener("abort", stop);
  }
}

/** As `fetch` reads them: a length, then names that end with a zero each. */
function namesFrame(names: readonly string[]): Buffer {
  const bytes = Buffer.from(names.map((name) => `${name}\0`).join(""));
  const length = Buffer.alloc(4);
  length.writeUInt32LE(bytes.length);
  return Buffer.concat([length, bytes]);
}

/** Times differ by less than the precision of what keeps them. */
const timeSlackNs = 1000n;

function near(one: bigint, other: bigint): boolean {
  return one - other <= timeSlackNs && other - one <= timeSlackNs;
}

/** What the guest has already: equal size, time and content. */
async function skipEqual(work: CopyWork, source: string, { machine, path }: GuestSide): Promise<Skip> {
  const listed = await appletWords(work, machine, "list", [path, "hash"]);
  const entries = parseList(listed?.stdout ?? "");
  return async (below, facts) => {
    const there = entries.get(below);
    if (there?.type !== "f" || BigInt(there.size) !== facts.size || !near(there.mtimeNs, facts.mtimeNs)) return false;
    return there.word === (await hashOf(below === "" ? source : join(source, below), there.size));
  };
}

/** Files and links of the guest's tree that are not here with equal size, time and content. */
async function missing(target: string, entries: ReturnType<typeof parseList>): Promise<{ names: string[]; skipped: number }> {
  const names: string[] = [];
  let skipped = 0;
  for (const [path, { type, size, mtimeNs, word }] of entries) {
    if (path === "" || (type !== "f" && type !== "l")) continue;
    const place = join(target, path);
    const here = path.split("/").includes("..") ? undefined : await lstat(place, { bigint: true }).catch(() => undefined);
    const equal =
      type === "f" && here?.isFile() && here.size === BigInt(size) && near(here.mtimeNs, mtimeNs) && word === (await hashOf(place, size));
    if (equal) skipped += 1;
    else names.push(path);
  }
  return { names, skipped };
}

async function fileByAgent(work: CopyWork, path: string, size: number | undefined, target: GuestSide): Promise<Copied> {
  if (size === undefined || size > agentLimitBytes) throw nothing(target.machine, "Its guest agent takes single files of at most 16 MiB.");
  const content = await readFile(path);
  const { machine } = target;
  await work.client.call(
    "machine.writeFile",
    { machine, path: target.path, dataBase64: content.toString("base64") },
    { signal: work.signal },
  );
  const mode = ((await stat(path)).mode & 0o7777).toString(8);
  await work.client.call("machine.exec", { machine, command: ["chmod", mode, target.path], way: "agent" }, { signal: work.signal });
  return { ...alone(content.length), source: path, target: `${machine}:${target.path}` };
}

async function fileFromAgent(work: CopyWork, { machine, path }: GuestSide, target: string): Promise<Copied> {
  const { dataBase64 } = await work.client.call("machine.readFile", { machine, path }, { signal: work.signal });
  const content = Buffer.from(dataBase64, "base64");
  await writeFile(target, content);
  return { ...alone(content.length), source: `${machine}:${path}`, target };
}

function alone(bytes: number): Omit<Copied, "source" | "target"> {
  return { files: 1, bytes, skipped: 0, resumedBytes: 0, sha256: null, way: "agent", leftOut: [] };
}

async function hasAgent(work: CopyWork, machine: string): Promise<boolean> {
  return (await work.client.call("machine.show", { machine })).agent.connected;
}

async function isGuestFolder(work: CopyWork, { machine, path }: GuestSide): Promise<boolean> {
  const { exitCode } = await work.client
    .call("machine.exec", { machine, command: ["test", "-d", path] }, { signal: work.signal })
    .catch((error: unknown) => {
      throw asVivError(error).code === "agent-unavailable" ? nothing(machine, asVivError(error).message) : error;
    });
  return exitCode === 0;
}

async function isFolder(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined))?.isDirectory() ?? false;
}
