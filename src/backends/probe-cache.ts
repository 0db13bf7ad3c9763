import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import * as z from "zod";
import type { ProbeResult } from "./types.ts";

const variant = z.object({ accel: z.string(), cpu: z.string() }).readonly();
const failed = { step: z.string().optional(), reason: z.string(), hint: z.string().optional() };
const probeResult = z.discriminatedUnion("outcome", [
  z.object({ outcome: z.literal("works"), loopMs: z.number().positive(), variant }),
  z.object({ outcome: z.literal("fails"), ...failed }),
  z.object({ outcome: z.literal("slow"), ...failed }),
]);
const cacheFile = z.object({
  schema: z.literal(1),
  entries: z.array(z.object({ key: z.string(), builtIn: z.array(z.string()), results: z.record(z.string(), probeResult) })),
});

/** Results by accelerator name. */
export type ProbeResults = Readonly<Record<string, ProbeResult>>;

export interface Probed {
  /** QEMU's names of the accelerators compiled in. */
  readonly builtIn: readonly string[];
  readonly results: ProbeResults;
}

/** As many as fit one host's editors with their own bundles; the oldest go. */
const keptEntries = 8;

/** Probe results of a former start. A file that cannot be read or understood is no cache, never an error. */
export async function readProbeCache(file: string, key: string): Promise<Probed | undefined> {
  return (await entries(file)).find((entry) => entry.key === key) as Probed | undefined;
}

/** Adds or replaces one entry. A cache that cannot be written costs time at the next start and nothing else. */
export async function writeProbeCache(file: string, key: string, probed: Probed): Promise<void> {
  const kept = (await entries(file)).filter((entry) => entry.key !== key).slice(-(keptEntries - 1));
  const temporary = `${file}.${process.pid}.tmp`;
  try {
    await mkdir(dirname(file), { recursive: true, mode: 0o700 });
    await writeFile(temporary, JSON.stringify({ schema: 1, entries: [...kept, { key, ...probed }] }, null, 1), { mode: 0o600 });
    await rename(temporary, file);
  } catch {
    // A full or read-only disk is reported where it matters: when something of the user's is written.
  }
}

async function entries(file: string): Promise<z.infer<typeof cacheFile>["entries"]> {
  const text = await readFile(file, "utf8").catch(() => "");
  try {
    return cacheFile.parse(JSON.parse(text)).entries;
  } catch {
    return [];
  }
}
