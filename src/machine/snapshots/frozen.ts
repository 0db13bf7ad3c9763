import { createHash } from "node:crypto";
import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { chmod } from "node:fs/promises";
import type { FrozenFile, SnapshotsFile } from "../../model/index.ts";
import type { MachinePaths } from "../folder.ts";
import { layerPath } from "./graph.ts";

/**
 * Files that nobody may change any more: read-only for everybody, and known by size and head, so that a change from
 * outside is noticed before a machine is put back on it. What is changed in the middle of a file is not noticed.
 */

const headBytes = 65_536;

export function fingerprint(file: string): FrozenFile {
  const descriptor = openSync(file, "r");
  try {
    const head = Buffer.alloc(headBytes);
    const length = readSync(descriptor, head, 0, headBytes, 0);
    return { bytes: fstatSync(descriptor).size, head: createHash("sha256").update(head.subarray(0, length)).digest("hex") };
  } finally {
    closeSync(descriptor);
  }
}

/** Freezes layers and memory files; gives what is known of them. Files of the image store are frozen already. */
export async function freeze(paths: MachinePaths, names: Iterable<string>): Promise<Record<string, FrozenFile>> {
  const known: Record<string, FrozenFile> = {};
  for (const name of new Set(names)) {
    const file = layerPath(paths, name);
    await chmod(file, 0o444);
    known[name] = fingerprint(file);
  }
  return known;
}

/** A layer that will be written: by a merge, or because it is a machine's present again. */
export async function unfreeze(paths: MachinePaths, names: Iterable<string>): Promise<void> {
  for (const name of new Set(names)) await chmod(layerPath(paths, name), 0o600);
}

/** What was done to a frozen file since, in words that complete “FILE …”; undefined when nothing was. */
export function alteration(paths: MachinePaths, file: SnapshotsFile, name: string): string | undefined {
  const known = file.frozen[name];
  if (known === undefined) return undefined;
  try {
    const found = fingerprint(layerPath(paths, name));
    if (found.bytes !== known.bytes) return `has ${found.bytes} bytes instead of ${known.bytes}`;
    return found.head === known.head ? undefined : "was changed since it was frozen";
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "ENOENT" ? "is missing" : `cannot be read: ${(error as Error).message}`;
  }
}

/** What is known of files, without those that something is about to write. */
export function forgetFrozen(file: SnapshotsFile, names: readonly string[]): SnapshotsFile {
  const frozen = Object.fromEntries(Object.entries(file.frozen).filter(([name]) => !names.includes(name)));
  return { ...file, frozen };
}
