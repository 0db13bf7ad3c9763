import type { MachineState, OperationRecord, PauseCause } from "../model/index.ts";
import type { Machine } from "./machine.ts";

/**
 * A machine's state from its process, QEMU's run state and its records; there is no “unknown”.
 * QEMU's run states: qapi/run-state.json, RunState.
 */
export function deriveStatus(machine: Machine, operation: OperationRecord["kind"] | undefined): MachineState {
  const { state, damage } = machine;
  const run = state.run;
  if (operation === "stop" || operation === "suspend") {
    return { state: "stopping", ...(run ? { pid: run.pid } : {}), since: state.operation?.startedAt ?? run?.startedAt ?? "" };
  }
  if (!run) {
    if (operation === "start" || operation === "wake")
      return { state: "starting", since: state.operation?.startedAt ?? new Date().toISOString() };
    if (damage) return { state: "damaged", reason: damage.problem, hint: damage.hint };
    if (state.failure) return { state: "failed", ...state.failure };
    if (state.suspended) return { state: "suspended", since: state.suspended.at };
    return { state: "stopped" };
  }
  const session = machine.session;
  const live = { pid: run.pid, since: run.startedAt };
  if (operation === "start" || operation === "wake") return { state: "starting", ...live };
  if (!session) return { state: "running", ...live, responding: false };
  if (operation === "restore" && standsStill.has(session.runState)) return { state: "starting", ...live };
  // While a snapshot is taken the guest stands still for some ms: nobody paused it.
  const passing = operation === "snapshot" && run.pausedBecause === undefined && standsStill.has(session.runState);
  const cause = passing ? "not-paused" : pauseCause(session.runState, session.ioErrorNoSpace, run.pausedBecause);
  if (cause === "not-paused") return { state: "running", ...live, responding: session.responding };
  return { state: "paused", because: cause, ...live, responding: session.responding };
}

const standsStill = new Set(["finish-migrate", "postmigrate", "paused", "inmigrate", "prelaunch"]);

function pauseCause(runState: string, noSpace: boolean, recorded: PauseCause | undefined): PauseCause | "not-paused" {
  switch (runState) {
    case "running":
    case "save-vm":
    case "colo":
      return "not-paused";
    case "io-error":
      return noSpace ? "disk-full" : "io-error";
    case "guest-panicked":
      return "panic";
    case "watchdog":
      return "watchdog";
    case "suspended":
      return "guest-suspended";
    case "internal-error":
      return "internal-error";
    default:
      return recorded ?? "user";
  }
}
