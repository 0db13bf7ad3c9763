import { createHash } from "node:crypto";
import type { Readable } from "node:stream";
import type { ExecSession, VivClient } from "../api/index.ts";
import { vivError } from "../model/index.ts";
import type { Entry, LeftOut, Tree } from "./entry.ts";

/** A folder in a guest, and how it is reached. */
export interface GuestFolder {
  readonly client: VivClient;
  readonly machine: string;
  /** Absolute. */
  readonly path: string;
}

/** What is to become of a guest's folder. */
export interface Delivery {
  readonly remove: readonly string[];
  readonly archive: AsyncIterable<Buffer>;
  /** The stamp it must bear; undefined: whatever it bears. */
  readonly was: string | undefined;
  /** The stamp it gets. */
  readonly now: string;
}

/** `other-stamp`: nothing was touched, for it is not what it was. */
export type Delivered = { readonly kind: "delivered"; readonly bytes: number } | { readonly kind: "other-stamp" };

const otherStampCode = 3;

/** The stamp a folder bears, without the boot it was set in. */
export async function stampOf(folder: GuestFolder, signal: AbortSignal): Promise<string | undefined> {
  const session = await applet(folder, "sync", [folder.path]);
  session.stdin.end();
  session.stdout.resume();
  return whileOpen(session, signal, async () => {
    const words = await collect(session.stderr);
    ended(await session.exit, words, folder);
    const stamp = /^stamp (\S+)/m.exec(words)?.[1];
    return stamp === "-" ? undefined : stamp;
  });
}

/** @throws VivError `agent-unavailable`, `agent-failed`, `disk-full`, `io-error`, `cancelled`. */
export async function deliver(folder: GuestFolder, delivery: Delivery, signal: AbortSignal): Promise<Delivered> {
  const session = await applet(folder, "sync", [folder.path, delivery.was ?? "any", delivery.now]);
  session.stdout.resume();
  return whileOpen(session, signal, async () => {
    const hash = createHash("sha256");
    let bytes = 0;
    const said = collect(session.stderr);
    const write = async (chunk: Buffer) => {
      hash.update(chunk);
      bytes += chunk.length;
      if (!session.stdin.write(chunk)) await drained(session);
    };
    let failure: unknown;
    try {
      await write(nameList(delivery.remove));
      for await (const chunk of delivery.archive) {
        if (signal.aborted || session.stdin.destroyed) break;
        if (chunk.length > 0) await write(chunk);
      }
      session.stdin.end();
    } catch (error) {
      failure = error;
      session.close();
    }
    if (failure !== undefined) throw failure;
    const exit = await session.exit;
    const words = await said;
    if (exit.exitCode === otherStampCode && /^stamp /m.test(words)) return { kind: "other-stamp" };
    ended(exit, words, folder);
    const there = /^sha256 ([0-9a-f]{64})$/m.exec(words)?.[1];
    const here = hash.digest("hex");
    if (there !== here)
      throw vivError("io-error", `What arrived is not what was sent (SHA-256 ${here} here, ${there ?? "none"} there).`, "Sync again.");
    return { kind: "delivered", bytes };
  });
}

export interface GuestList {
  readonly tree: Tree;
  readonly leftOut: readonly LeftOut[];
}

/** What a guest's folder holds; nothing when there is none. The guest is not believed: names that lead out are refused. */
export async function list(folder: GuestFolder, signal: AbortSignal): Promise<GuestList> {
  const session = await applet(folder, "list", [folder.path]);
  session.stdin.end();
  return whileOpen(session, signal, async () => {
    const said = collect(session.stderr);
    const tree = new Map<string, Entry>();
    const leftOut: LeftOut[] = [];
    let rest: Buffer = Buffer.alloc(0);
    for await (const chunk of session.stdout as AsyncIterable<Buffer>) {
      rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
      let from = 0;
      for (let end = rest.indexOf(0); end >= 0; end = rest.indexOf(0, from)) {
        readLine(rest.subarray(from, end), tree, leftOut);
        from = end + 1;
      }
      rest = rest.subarray(from);
      if (rest.length > lineLimit || tree.size > entryLimit) {
        session.close();
        throw vivError("untrusted-input", `The guest's list of ${folder.path} has no end.`);
      }
    }
    const exit = await session.exit;
    const words = await said;
    if (exit.exitCode !== 0 && tree.size === 0 && /No such file/.test(words)) return { tree, leftOut };
    // What could not be read there is said; the rest counts.
    if (exit.exitCode !== 1) ended(exit, words, folder);
    return { tree, leftOut };
  });
}

/** Some files of the guest's folder as an archive on the session's stdout; it ends with the archive's hash on stderr. */
export async function fetchFiles(folder: GuestFolder, paths: readonly string[]): Promise<ExecSession> {
  const session = await applet(folder, "fetch", [folder.path]);
  session.stdin.end(nameList(paths));
  return session;
}

const lineLimit = 16 * 1024;
const entryLimit = 2_000_000;
const kinds: Readonly<Record<string, Entry["kind"]>> = { f: "file", d: "folder", l: "link" };

/** `TYPE MODE SIZE MTIME-NS SHA256 PATH` (guest/agent/list.c). */
function readLine(line: Buffer, tree: Map<string, Entry>, leftOut: LeftOut[]): void {
  const text = line.toString("utf8");
  const match = /^([fdlo]) ([0-7]{1,4}) (\d{1,16}) (-?\d{1,22}) (\S+) ([\s\S]*)$/.exec(text);
  if (!match) throw vivError("untrusted-input", `The guest's list holds ${JSON.stringify(text.slice(0, 80))}.`);
  const [, type = "", mode = "", size = "", time = "", word = "", path = ""] = match;
  if (path === "") return;
  if (path.startsWith("/") || path.split("/").some((part) => part === "" || part === "." || part === ".."))
    throw vivError("untrusted-input", `The guest's list names ${JSON.stringify(path)}, which leads out of the folder.`);
  const kind = kinds[type];
  if (!Buffer.from(text, "utf8").equals(line)) leftOut.push({ path, reason: "its name is not UTF-8" });
  else if (kind === undefined) leftOut.push({ path, reason: "it is a device, socket or pipe" });
  else
    tree.set(path, {
      kind,
      mode: kind === "link" ? 0o777 : Number.parseInt(mode, 8) & 0o777,
      size: kind === "file" ? Number(size) : 0,
      mtimeUs: Number(BigInt(time) / 1000n),
      ctimeUs: 0,
      ...(kind === "link" ? { target: Buffer.from(word, "hex").toString("utf8") } : {}),
    });
}

/** A length (32 bits) and so many bytes of names, each ended by a zero. */
function nameList(paths: readonly string[]): Buffer {
  const names = Buffer.from(paths.map((path) => `${path}\0`).join(""));
  const length = Buffer.alloc(4);
  length.writeUInt32LE(names.length);
  return Buffer.concat([length, names]);
}

async function applet(folder: GuestFolder, name: "sync" | "list" | "fetch", words: readonly string[]): Promise<ExecSession> {
  const session = await folder.client.openExec({ machine: folder.machine, command: [...words], applet: name });
  if (session) return session;
  throw vivError(
    "agent-unavailable",
    `${folder.machine} has no viv-agent to sync with.`,
    `By SSH: tar c . | viv ssh ${folder.machine} -- tar x -C ${folder.path}`,
  );
}

/** Ends the session when the work is given up; then the failure is `cancelled`. */
async function whileOpen<T>(session: ExecSession, signal: AbortSignal, work: () => Promise<T>): Promise<T> {
  const stop = () => session.close();
  signal.addEventListener("abort", stop, { once: true });
  if (signal.aborted) stop();
  try {
    return await work();
  } catch (error) {
    if (signal.aborted) throw vivError("cancelled", "Cancelled.");
    throw error;
  } finally {
    signal.removeEventListener("abort", stop);
  }
}

function ended(exit: { exitCode: number | undefined; signal: number | undefined }, words: string, folder: GuestFolder): void {
  if (exit.exitCode === 0) return;
  const reason = words
    .trim()
    .split("\n")
    .filter((line) => !/^(sha256|stamp) /.test(line))
    .join("; ");
  if (/no such applet/.test(reason))
    throw vivError(
      "agent-unavailable",
      `The viv-agent in ${folder.machine} is too old for this.`,
      `Restart it: viv restart ${folder.machine}`,
    );
  if (/No space left|Disk quota/.test(reason))
    throw vivError("disk-full", `The guest's disk is full: ${reason}`, "Free some space in the guest.");
  if (/No such file/.test(reason)) throw vivError("not-found", `In the guest: ${reason}`);
  if (/Is a directory/.test(reason))
    throw vivError("agent-failed", `In the guest: ${reason}`, "A folder there holds files of the guest's own: move them away.");
  throw vivError("agent-failed", `In the guest: ${reason || `exit code ${exit.exitCode ?? 128 + (exit.signal ?? 0)}`}`);
}

async function drained(session: ExecSession): Promise<void> {
  await new Promise<void>((done) => {
    const over = () => {
      session.stdin.off("drain", over);
      session.stdin.off("close", over);
      done();
    };
    session.stdin.once("drain", over);
    session.stdin.once("close", over);
    if (session.stdin.destroyed) over();
  });
}

const wordsLimit = 64 * 1024;

export async function collect(stream: Readable): Promise<string> {
  let words = "";
  for await (const chunk of stream as AsyncIterable<Buffer>) if (words.length < wordsLimit) words += chunk.toString("utf8");
  return words;
}
