import { requireSession } from "../lifecycle.ts";
import type { Machine } from "../machine.ts";
import { guestScript, type ScriptOutcome } from "./script.ts";

/** Tells the disks what the guest's file systems do not use. `bytes`: newly given back, where the guest says. */
export async function trimFilesystems(machine: Machine, signal: AbortSignal): Promise<{ bytes: number | null; way: ScriptOutcome["way"] }> {
  const session = requireSession(machine);
  if (session.agent.connected) return { bytes: (await (await session.agent.client()).trim({ signal })) ?? null, way: "agent" };
  const { way } = await guestScript(machine, { script: "exec fstrim -a", timeoutMs: 600_000, signal });
  return { bytes: null, way };
}
