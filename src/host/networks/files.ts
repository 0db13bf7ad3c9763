import { join } from "node:path";
import * as z from "zod";
import { readTextIfPresent, writeFileAtomically } from "../../machine/index.ts";
import { Impairment, SegmentDefinition } from "../../model/index.ts";

/** `networks/NAME/`: what is wanted in `network.json`, what is so in `state.json`; `leases.json` is the process's own. */

const NetworkState = z.object({
  schema: z.literal(1),
  run: z.object({ pid: z.int().positive(), startTime: z.string() }).optional(),
  /** By machine. */
  impairments: z.record(z.string(), Impairment).default({}),
});
export type NetworkState = z.infer<typeof NetworkState>;

export function networkPaths(folder: string) {
  return {
    folder,
    definition: join(folder, "network.json"),
    state: join(folder, "state.json"),
    leases: join(folder, "leases.json"),
    log: join(folder, "segment.log"),
  };
}

/** The definition, or why it cannot be used; undefined: there is none. */
export async function readDefinition(folder: string): Promise<SegmentDefinition | { problem: string } | undefined> {
  const text = await readTextIfPresent(networkPaths(folder).definition);
  if (text === undefined) return undefined;
  try {
    const parsed = SegmentDefinition.safeParse(JSON.parse(text));
    if (parsed.success) return parsed.data;
    return { problem: parsed.error.issues.map((issue) => `${issue.path.join(".")} ${issue.message}`).join("; ") };
  } catch (error) {
    return { problem: (error as Error).message };
  }
}

export function writeDefinition(folder: string, definition: SegmentDefinition): Promise<void> {
  return writeFileAtomically(networkPaths(folder).definition, `${JSON.stringify(definition, null, 2)}\n`, { durable: true });
}

/** A state that cannot be read is as none: a process of it is found no more, and QEMU dials the next one. */
export async function readState(folder: string): Promise<NetworkState> {
  try {
    return NetworkState.parse(JSON.parse((await readTextIfPresent(networkPaths(folder).state)) ?? ""));
  } catch {
    return { schema: 1, impairments: {} };
  }
}

export function writeState(folder: string, state: NetworkState): Promise<void> {
  return writeFileAtomically(networkPaths(folder).state, `${JSON.stringify(state, null, 2)}\n`);
}
