import { createHash } from "node:crypto";
import { open } from "node:fs/promises";
import type { FileStamp } from "../../model/index.ts";
import { loadSnapshots } from "../layers.ts";
import type { Machine } from "../machine.ts";
import { type Standing, sameStamp, stampOf, standingOf } from "./frozen.ts";
import { layerPath } from "./graph.ts";
import { hashOf, loadHashes, noteHash } from "./hashes.ts";

/** Reading frozen files whole: to know their content once, and to compare it where they look otherwise than they did. */

export interface Reading {
  readonly signal: AbortSignal;
  /** After each piece, with its bytes; may wait. */
  onBytes?(bytes: number): Promise<void> | void;
}

/** Small enough that the service answers in between: half a millisecond of hashing. */
const pieceBytes = 262_144;

/** @throws the signal's reason, and what reading throws. `undefined` when somebody wrote to it meanwhile. */
async function hashFile(path: string, reading: Reading): Promise<{ readonly sha256: string; readonly stamp: FileStamp } | undefined> {
  const handle = await open(path, "r");
  try {
    const before = stampOf(await handle.stat({ bigint: true }));
    const sum = createHash("sha256");
    const piece = Buffer.alloc(pieceBytes);
    for (;;) {
      reading.signal.throwIfAborted();
      const { bytesRead } = await handle.read(piece, 0, pieceBytes, null);
      if (bytesRead === 0) break;
      sum.update(piece.subarray(0, bytesRead));
      await reading.onBytes?.(bytesRead);
    }
    const stamp = stampOf(await handle.stat({ bigint: true }));
    return sameStamp(before, stamp) ? { sha256: sum.digest("hex"), stamp } : undefined;
  } finally {
    await handle.close();
  }
}

/** How a file stands once its content was read; `recorded`: for the first time. */
export type Content = Standing["is"] | "recorded";

/**
 * Reads a frozen file whole and writes down what it found: its content, when that was not known; else whether it is the
 * same. Undefined when the file is not frozen, or was frozen anew meanwhile.
 * @throws the signal's reason; what reading throws.
 */
export async function readContent(machine: Machine, name: string, reading: Reading): Promise<Content | undefined> {
  const { paths } = machine;
  const before = await loadSnapshots(paths);
  const known = before.frozen[name];
  const standing = standingOf(paths, before, loadHashes(paths), name);
  if (!known || !standing || standing.is === "altered" || standing.is === "missing") return standing?.is;
  // Frozen before there were marks: nothing to refer to.
  if (known.mark === undefined) return standing.is;
  const found = await hashFile(layerPath(paths, name), reading);
  const now = (await loadSnapshots(paths)).frozen[name];
  if (!found || now?.mark !== known.mark) return undefined;
  const hash = hashOf(loadHashes(paths), name, now);
  const { mark } = known;
  if (!hash) {
    await noteHash(paths, name, { mark, sha256: found.sha256, seen: found.stamp });
    return "recorded";
  }
  const same = hash.sha256 === found.sha256;
  await noteHash(paths, name, {
    mark,
    sha256: hash.sha256,
    seen: same ? found.stamp : hash.seen,
    ...(same ? {} : { altered: found.stamp }),
  });
  return same ? "right" : "altered";
}

/** The next file whose content is unknown, or that looks otherwise than it did; none over `largestBytes`. */
export async function nextToRead(machine: Machine, largestBytes: number, skip: ReadonlySet<string>): Promise<string | undefined> {
  const file = await loadSnapshots(machine.paths);
  const hashes = loadHashes(machine.paths);
  return Object.entries(file.frozen).find(([name, { bytes, mark }]) => {
    if (mark === undefined || bytes > largestBytes || skip.has(name)) return false;
    const standing = standingOf(machine.paths, file, hashes, name);
    return standing?.is === "unsure" || (standing?.is === "right" && !standing.hashed);
  })?.[0];
}
