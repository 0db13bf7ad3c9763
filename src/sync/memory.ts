import { createHash, randomBytes } from "node:crypto";
import { mkdir, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import * as z from "zod";
import type { Entry, Tree } from "./entry.ts";

/** What is remembered of a folder that was synced: a file in the home's `cache/sync`, which may go at any time. */
export interface Memory {
  /** What the guest's folder bore when this was so. */
  readonly stamp: string;
  readonly tree: Tree;
  /** What was removed since the first sync: a snapshot that is restored brings it back. */
  readonly removed: readonly string[];
}

/** Which folder goes where. */
export interface Pair {
  readonly folder: string;
  readonly machineId: string;
  readonly path: string;
}

const removedLimit = 50_000;
const kinds = ["file", "folder", "link"] as const;

const MemoryFile = z.object({
  schema: z.literal(1),
  folder: z.string(),
  path: z.string(),
  stamp: z.string(),
  removed: z.array(z.string()),
  /** path, kind, mode, size, mtimeUs, ctimeUs, target */
  entries: z.array(z.unknown()),
});

/** Checked by hand: twenty thousand rows are read at each sync. */
function readRow(row: unknown): [string, Entry] | undefined {
  if (!Array.isArray(row)) return undefined;
  const [path, kind, mode, size, mtimeUs, ctimeUs, target] = row as unknown[];
  const known = typeof kind === "number" ? kinds[kind] : undefined;
  if (typeof path !== "string" || known === undefined || typeof mode !== "number" || typeof size !== "number") return undefined;
  if (typeof mtimeUs !== "number" || typeof ctimeUs !== "number") return undefined;
  return [path, { kind: known, mode, size, mtimeUs, ctimeUs, ...(typeof target === "string" ? { target } : {}) }];
}

export function newStamp(): string {
  return randomBytes(12).toString("hex");
}

/** The memory of this pair; else, where the guest bears the stamp of another machine's (a fork), that one's. */
export class Memories {
  readonly #folder: string;

  /** @param home the home folder */
  constructor(home: string) {
    this.#folder = join(home, "cache", "sync");
  }

  async read(pair: Pair): Promise<Memory | undefined> {
    return readMemory(join(this.#folder, fileName(pair)));
  }

  /** Those of other machines that the same folder was synced to, at the same place. */
  async others(pair: Pair): Promise<Memory[]> {
    const names = await readdir(this.#folder).catch(() => []);
    const found = await Promise.all(
      names
        .filter((name) => name.startsWith(`${placeKey(pair)}-`) && name !== fileName(pair) && name.endsWith(".json"))
        .map((name) => readMemory(join(this.#folder, name))),
    );
    return found.filter((memory) => memory !== undefined);
  }

  async write(pair: Pair, memory: Memory): Promise<void> {
    await mkdir(this.#folder, { recursive: true, mode: 0o700 });
    const file = join(this.#folder, fileName(pair));
    const partial = `${file}.${process.pid}.${randomBytes(3).toString("hex")}`;
    const rows = Array.from(memory.tree, ([path, { kind, mode, size, mtimeUs, ctimeUs, target }]) =>
      target === undefined
        ? [path, kinds.indexOf(kind), mode, size, mtimeUs, ctimeUs]
        : [path, kinds.indexOf(kind), mode, size, mtimeUs, ctimeUs, target],
    );
    const text = JSON.stringify({
      schema: 1,
      folder: pair.folder,
      path: pair.path,
      stamp: memory.stamp,
      removed: memory.removed.slice(-removedLimit),
      entries: rows,
    });
    await writeFile(partial, text, { mode: 0o600 });
    await rename(partial, file).catch(async (error: unknown) => {
      await rm(partial, { force: true });
      throw error;
    });
  }
}

function placeKey(pair: Pair): string {
  return createHash("sha256").update(`${pair.folder}\0${pair.path}`).digest("hex").slice(0, 24);
}

function fileName(pair: Pair): string {
  return `${placeKey(pair)}-${pair.machineId.replace(/[^A-Za-z0-9-]/g, "")}.json`;
}

async function readMemory(file: string): Promise<Memory | undefined> {
  const text = await readFile(file, "utf8").catch(() => undefined);
  if (text === undefined) return undefined;
  try {
    const { stamp, removed, entries } = MemoryFile.parse(JSON.parse(text));
    const tree = new Map<string, Entry>();
    for (const row of entries) {
      const read = readRow(row);
      // A file that is not as we write it is as good as none: everything is compared then.
      if (!read) return undefined;
      tree.set(...read);
    }
    return { stamp, tree, removed };
  } catch {
    return undefined;
  }
}
