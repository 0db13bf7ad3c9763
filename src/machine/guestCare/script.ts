import { vivError } from "../../model/index.ts";
import type { Machine } from "../machine.ts";
import { type ExecOutcome, exec } from "../reach.ts";

export interface ScriptRun {
  readonly script: string;
  /** `$1`, `$2` … */
  readonly words?: readonly string[];
  /** For what nobody may read in a list of processes. */
  readonly stdin?: Buffer;
  readonly timeoutMs?: number;
  readonly signal: AbortSignal;
}

export interface ScriptOutcome {
  readonly stdout: string;
  readonly way: ExecOutcome["way"];
}

/** By SSH the guest's user may be another than root: then by sudo, which must not ask. */
const asRoot = 'if [ "$(id -u)" = 0 ]; then exec sh -c "$@"; else exec sudo -n sh -c "$@"; fi';

/**
 * Runs a script of ours in the guest as root: by viv-agent, else by qemu-guest-agent, else by SSH.
 * @throws VivError `agent-failed` with what it said, when its exit code is not 0
 */
export async function guestScript(machine: Machine, run: ScriptRun): Promise<ScriptOutcome> {
  const { script, words = [], stdin, timeoutMs = 60_000, signal } = run;
  const outcome = await exec(machine, {
    command: ["/bin/sh", "-c", asRoot, "sh", script, "viv", ...words],
    environment: [],
    ...(stdin ? { stdin } : {}),
    timeoutMs,
    way: "auto",
    signal,
  });
  const { stdout, stderr, exitCode, way } = outcome;
  if (exitCode !== 0) {
    const said = stderr.toString("utf8").trim().split("\n").slice(-3).join("; ").slice(0, 500);
    throw vivError("agent-failed", `${machine.name}: ${said || `the guest's command ended with ${exitCode}`}`);
  }
  return { stdout: stdout.toString("utf8"), way };
}
