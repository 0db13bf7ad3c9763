import { lstat, mkdir, stat } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import type { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { ExecSession, VivClient } from "../api/index.ts";
import { vivError } from "../model/index.ts";
import { guestBase, guestFolder } from "./places.ts";
import { Meter, pack, unpack } from "./tarStream.ts";

/** What was copied; `sha256` is of the archive that travelled, as both sides counted it. */
export interface Copied {
  readonly source: string;
  readonly target: string;
  readonly bytes: number;
  readonly sha256: string;
}

/** Who copies: the connection, and what ends it. */
export interface CopyWork {
  readonly client: VivClient;
  readonly signal: AbortSignal;
}

interface GuestSide {
  readonly machine: string;
  readonly path: string;
}

type Told = (bytes: number) => void;

/** `source` is absolute. @throws VivError `not-found`, `agent-unavailable`, `agent-failed`, `disk-full`. */
export async function copyToGuest(work: CopyWork, source: string, target: GuestSide, told: Told): Promise<Copied> {
  const path = resolve(source);
  await lstat(path).catch(() => {
    throw vivError("not-found", `There is no ${path}.`);
  });
  const inside = target.path.endsWith("/") || (await isGuestFolder(work, target));
  const folder = inside ? target.path : guestFolder(target.path);
  const name = inside ? basename(path) : guestBase(target.path);
  const session = await applet(work, target.machine, "put", [folder]);
  const meter = new Meter(told);
  const said = collect(session.stderr);
  session.stdout.resume();
  const sending = pipeline(pack(dirname(path), basename(path), name), meter, session.stdin, { signal: work.signal });
  const { exitCode } = await settled(session, sending);
  const words = await said;
  return checked(exitCode, words, meter, { source: path, target: `${target.machine}:${join(folder, name)}` });
}

/** `target` is absolute, but may end with a slash: then it is a folder. */
export async function copyFromGuest(work: CopyWork, source: GuestSide, target: string, told: Told): Promise<Copied> {
  const path = resolve(target);
  const inside = /[\\/]$/.test(target) || (await isFolder(path));
  const name = inside ? guestBase(source.path) || source.machine : basename(path);
  const folder = inside ? path : dirname(path);
  await mkdir(folder, { recursive: true });
  const session = await applet(work, source.machine, "get", [source.path, name]);
  const meter = new Meter(told);
  const said = collect(session.stderr);
  session.stdin.end();
  const stop = () => session.close();
  work.signal.addEventListener("abort", stop, { once: true });
  try {
    session.stdout.pipe(meter);
    session.exit.catch((error: Error) => meter.destroy(error));
    const taking = unpack(meter, folder);
    const { exitCode } = await settled(session, taking);
    return checked(exitCode, await said, meter, { source: `${source.machine}:${source.path}`, target: join(folder, name) });
  } finally {
    work.signal.removeEventListener("abort", stop);
  }
}

async function applet(work: CopyWork, machine: string, name: "get" | "put", words: string[]): Promise<ExecSession> {
  const session = await work.client.openExec({ machine, command: words, applet: name });
  if (session) return session;
  throw vivError(
    "agent-unavailable",
    `${machine} has no viv-agent to copy with.`,
    name === "put" ? `By SSH: tar c … | viv ssh ${machine} -- tar x -C /path` : `By SSH: viv ssh ${machine} -- tar c -C /path . | tar x`,
  );
}

/** The guest's own failure says more than the pipe that broke because of it. */
async function settled(session: ExecSession, transfer: Promise<unknown>): Promise<{ exitCode: number }> {
  const failed = transfer.then(
    () => undefined,
    (error: Error) => error,
  );
  const error = await Promise.race([failed, session.exit.then(() => undefined)]);
  // What broke here, not there, ends the other side.
  if (error && error.name !== "AbortError" && (error as { code?: string }).code !== "ERR_STREAM_PREMATURE_CLOSE") {
    session.close();
    throw error;
  }
  if (error?.name === "AbortError") {
    session.close();
    throw vivError("cancelled", "Cancelled.");
  }
  const { exitCode, signal } = await session.exit;
  const late = await failed;
  if (exitCode === 0 && late) throw late;
  return { exitCode: exitCode ?? 128 + (signal ?? 0) };
}

function checked(exitCode: number, words: string, meter: Meter, places: Pick<Copied, "source" | "target">): Copied {
  const lines = words.trim().split("\n");
  if (exitCode !== 0) {
    const reason = lines.filter((line) => !line.startsWith("sha256 ")).join("; ");
    if (/No space left|Disk quota/.test(reason))
      throw vivError("disk-full", `The guest's disk is full: ${reason}`, "Free some space in the guest.");
    if (/No such file/.test(reason)) throw vivError("not-found", `In the guest: ${reason}`);
    throw vivError("agent-failed", `In the guest: ${reason || `exit code ${exitCode}`}`);
  }
  const there = /^sha256 ([0-9a-f]{64})$/.exec(lines.at(-1) ?? "")?.[1];
  const here = meter.sha256();
  if (there !== here)
    throw vivError("io-error", `What arrived is not what was sent (SHA-256 ${here} here, ${there ?? "none"} there).`, "Copy again.");
  return { ...places, bytes: meter.bytes, sha256: here };
}

async function isGuestFolder(work: CopyWork, { machine, path }: GuestSide): Promise<boolean> {
  const { exitCode } = await work.client.call("machine.exec", { machine, command: ["test", "-d", path] }, { signal: work.signal });
  return exitCode === 0;
}

async function isFolder(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined))?.isDirectory() ?? false;
}

const wordsLimit = 64 * 1024;

async function collect(stream: Readable): Promise<string> {
  let words = "";
  for await (const chunk of stream as AsyncIterable<Buffer>) if (words.length < wordsLimit) words += chunk.toString("utf8");
  return words;
}
