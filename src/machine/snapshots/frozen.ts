import { createHash, randomBytes } from "node:crypto";
import { type BigIntStats, closeSync, fstatSync, openSync, readSync, statSync } from "node:fs";
import { chmod } from "node:fs/promises";
import { relative, sep } from "node:path";
import type { FileHashes, FileStamp, FrozenFile, SnapshotsFile } from "../../model/index.ts";
import type { MachinePaths } from "../folder.ts";
import { loadSnapshots } from "../layers.ts";
import type { Machine } from "../machine.ts";
import { layerPath } from "./graph.ts";
import { hashOf, loadHashes } from "./hashes.ts";
import { saveRecords } from "./records.ts";

/**
 * Files that nobody may change any more: read-only for everybody, and known by what the file system says of them, so that
 * a change from outside is noticed at the price of one `stat`. Only where that differs is the content read and compared
 * (contents.ts): a folder that was copied has other inodes and is right all the same.
 */

const headBytes = 65_536;

export function stampOf(facts: BigIntStats): FileStamp {
  return { bytes: Number(facts.size), modified: String(facts.mtimeNs), changed: String(facts.ctimeNs), inode: String(facts.ino) };
}

export function sameStamp(left: FileStamp | undefined, right: FileStamp | undefined): boolean {
  return left !== undefined && right !== undefined && left.changed === right.changed && sameButForInodeTime(left, right);
}

/** A link or a `chmod` changes the inode's time, and nothing else. */
function sameButForInodeTime(left: FileStamp, right: FileStamp): boolean {
  return left.bytes === right.bytes && left.modified === right.modified && left.inode === right.inode;
}

function headOf(file: string): { readonly stamp: FileStamp; readonly head: string } {
  const descriptor = openSync(file, "r");
  try {
    const head = Buffer.alloc(headBytes);
    const length = readSync(descriptor, head, 0, headBytes, 0);
    const sum = createHash("sha256").update(head.subarray(0, length)).digest("hex");
    return { stamp: stampOf(fstatSync(descriptor, { bigint: true })), head: sum };
  } finally {
    closeSync(descriptor);
  }
}

function fingerprint(file: string): FrozenFile {
  const { stamp, head } = headOf(file);
  return { bytes: stamp.bytes, head, stamp, mark: randomBytes(6).toString("hex") };
}

/** Freezes layers and files of snapshots; gives what is known of them. Files of the image store are frozen already. */
export async function freeze(paths: MachinePaths, names: Iterable<string>): Promise<Record<string, FrozenFile>> {
  const known: Record<string, FrozenFile> = {};
  for (const name of new Set(names)) {
    const file = layerPath(paths, name);
    // What is read-only already may have other names, whose inode's time would change.
    if ((statSync(file).mode & 0o222) !== 0) await chmod(file, 0o444);
    known[name] = fingerprint(file);
  }
  return known;
}

/** A layer that will be written: by a merge, or because it is a machine's present again. */
export async function unfreeze(paths: MachinePaths, names: Iterable<string>): Promise<void> {
  for (const name of new Set(names)) await chmod(layerPath(paths, name), 0o600);
}

/** How a frozen file stands. */
export type Standing =
  | { readonly is: "right"; readonly hashed: boolean }
  /** `how` completes “FILE …”. */
  | { readonly is: "altered" | "missing"; readonly how: string }
  /** It looks otherwise, and its content is known: only comparing tells. */
  | { readonly is: "unsure" };

/** A `stat` of the file (of one that was touched before its content was known: its first 64 KiB too). Undefined: it was never frozen. */
export function standingOf(paths: MachinePaths, file: SnapshotsFile, hashes: FileHashes, name: string): Standing | undefined {
  const known = file.frozen[name];
  if (known === undefined) return undefined;
  try {
    const path = layerPath(paths, name);
    const stamp = stampOf(statSync(path, { bigint: true }));
    if (stamp.bytes !== known.bytes) return { is: "altered", how: `has ${stamp.bytes} bytes instead of ${known.bytes}` };
    const hash = hashOf(hashes, name, known);
    if (sameStamp(stamp, known.stamp) || sameStamp(stamp, hash?.seen)) return { is: "right", hashed: hash !== undefined };
    if (hash) return sameStamp(stamp, hash.altered) ? { is: "altered", how: "was changed since it was frozen" } : { is: "unsure" };
    const untouched = known.stamp === undefined || known.stamp.modified === stamp.modified;
    if (untouched && headOf(path).head === known.head) return { is: "right", hashed: false };
    return { is: "altered", how: "was changed since it was frozen" };
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    return code === "ENOENT" ? { is: "missing", how: "is missing" } : { is: "altered", how: `cannot be read: ${message}` };
  }
}

/** What is known of files, without those that something is about to write. */
export function forgetFrozen(file: SnapshotsFile, names: readonly string[]): SnapshotsFile {
  const frozen = Object.fromEntries(Object.entries(file.frozen).filter(([name]) => !names.includes(name)));
  return { ...file, frozen };
}

/** Runs a repair of a layer. A frozen one that nobody else had changed before is known anew by what it is then. */
export async function whileRepairing<T>(machine: Machine, path: string, repair: () => Promise<T>): Promise<T> {
  const name = relative(machine.paths.folder, path).split(sep).join("/");
  const before = await loadSnapshots(machine.paths);
  const standing = standingOf(machine.paths, before, loadHashes(machine.paths), name);
  try {
    return await repair();
  } finally {
    if (standing?.is === "right") {
      const file = await loadSnapshots(machine.paths);
      await saveRecords(machine, { ...file, frozen: { ...file.frozen, ...(await freeze(machine.paths, [name])) } });
    }
  }
}

/** Runs what gives frozen files further names (hard links), which changes their inodes' times: who was right before, is right after. */
export async function whileLinking<T>(machine: Machine, link: () => Promise<T>): Promise<T> {
  const { paths } = machine;
  const before = await loadSnapshots(paths);
  const stamps = rightStamps(paths, before, Object.keys(before.frozen));
  try {
    return await link();
  } finally {
    const file = await loadSnapshots(paths);
    const again = [...stamps].flatMap(([name, stamp]): [string, FrozenFile][] => {
      const [known, now] = [file.frozen[name], stampNow(paths, name)];
      if (!known || known.mark !== before.frozen[name]?.mark || !now || sameStamp(now, known.stamp)) return [];
      return sameButForInodeTime(now, stamp) ? [[name, { ...known, stamp: now }]] : [];
    });
    const known = { ...file, frozen: { ...file.frozen, ...Object.fromEntries(again) } };
    // On a full disk the files are compared by their content the next time, and the links are made all the same.
    if (again.length > 0) await saveRecords(machine, known).catch(() => undefined);
  }
}

/** What is known of files in another folder (or this one) that were linked or copied from here just now: they look otherwise there. */
export function frozenInCopy(from: MachinePaths, to: MachinePaths, file: SnapshotsFile, names: readonly string[]): SnapshotsFile["frozen"] {
  const hashes = loadHashes(from);
  const copied = names.flatMap((name): [string, FrozenFile][] => {
    const known = file.frozen[name];
    if (known === undefined) return [];
    const [here, there] = [stampNow(from, name), stampNow(to, name)];
    const seen = [known.stamp, hashOf(hashes, name, known)?.seen];
    const right = here && there && seen.some((stamp) => stamp !== undefined && sameButForInodeTime(here, stamp));
    return [[name, right ? { ...known, stamp: there } : known]];
  });
  return Object.fromEntries(copied);
}

/** How files look that stand right. */
function rightStamps(paths: MachinePaths, file: SnapshotsFile, names: readonly string[]): Map<string, FileStamp> {
  const hashes = loadHashes(paths);
  const found = new Map<string, FileStamp>();
  for (const name of names) {
    const stamp = stampNow(paths, name);
    if (stamp && standingOf(paths, file, hashes, name)?.is === "right") found.set(name, stamp);
  }
  return found;
}

function stampNow(paths: MachinePaths, name: string): FileStamp | undefined {
  const facts = statSync(layerPath(paths, name), { bigint: true, throwIfNoEntry: false });
  return facts && stampOf(facts);
}
