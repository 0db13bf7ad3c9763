import { type Definition, type StateFile, vivError } from "../model/index.ts";
import { linksDown } from "../qemu/index.ts";
import { applyLimits } from "./disks/limits.ts";
import { requireSomeSpace } from "./disks/space.ts";
import { definitionToStart } from "./firstBoot/files.ts";
import type { Work } from "./host.ts";
import { launchMachine } from "./launch.ts";
import type { Machine, Operation } from "./machine.ts";
import { killProcess, waitGone } from "./processEnd.ts";
import { watchReadiness } from "./readiness.ts";
import type { Session } from "./session.ts";
import { recordEnd } from "./sessionEvents.ts";
import { forgetMemory, wake } from "./suspend.ts";

/** Runs the machine: starts a stopped one, wakes a suspended one, continues a paused one, reports a running one. */
export async function start(machine: Machine, work: Work): Promise<void> {
  if ((await machine.join("start")) || (await machine.join("wake"))) {
    if (machine.state.run) return;
    const { failure } = machine.state;
    throw vivError(
      "qemu-crashed",
      failure ? `${machine.name}: ${failure.message}` : `${machine.name} did not start.`,
      failure?.hint ?? "Start it again to see why.",
    );
  }
  const { status } = machine.view;
  switch (status.state) {
    case "running":
    case "starting":
      return;
    case "paused":
      return resume(machine);
    case "suspended":
      return wake(machine, work);
    default:
      return machine.operate("start", work, (operation) => coldStart(machine, operation));
  }
}

async function coldStart(machine: Machine, operation: Operation): Promise<void> {
  const requestedAt = new Date().toISOString();
  await machine.refreshDefinition();
  const definition = definitionToStart(machine);
  try {
    await operation.step("starting QEMU", { record: {} });
    const [toolchain, choice] = await Promise.all([machine.host.toolchain(), machine.host.accelerator(definition)]);
    const session = await launchMachine(machine, { definition, incoming: false, toolchain, choice, requestedAt }, operation);
    await operation.step("letting it run");
    await letRun(machine, session, definition);
  } catch (error) {
    await abandon(machine, error);
    throw error;
  }
}

/** The processors go; readiness is watched from here. */
export async function letRun(machine: Machine, session: Session, definition: Definition): Promise<void> {
  watchReadiness(machine, session);
  for (const command of linksDown(definition)) await session.qmp.execute(command.execute, command.arguments);
  await applyLimits(session, definition);
  await session.qmp.execute("cont");
  await session.refreshStatus();
  await machine.record(
    ({ operation: _done, failure: _failure, suspended: _woken, ...state }): StateFile => ({
      ...state,
      wanted: "running",
      ...(state.run ? { run: withoutPause(state.run) } : {}),
    }),
  );
}

function withoutPause<R extends { pausedBecause?: unknown }>(run: R): Omit<R, "pausedBecause"> {
  const { pausedBecause: _cause, ...rest } = run;
  return rest;
}

/**
 * A start that failed leaves nothing: the process is ended, and why is the machine's state until the next start. A
 * machine that could not be woken stays suspended, whatever happened.
 */
export async function abandon(machine: Machine, error: unknown): Promise<void> {
  const run = machine.state.run;
  machine.session?.dispose();
  machine.session = undefined;
  if (run) {
    await killProcess(run);
    await machine.record(({ run: _run, ...state }) => state, { quiet: true });
  }
  const reason = error instanceof Error ? error.message : String(error);
  const hint = (error as { hint?: string }).hint;
  const { code } = error as { code?: string };
  if (!machine.state.suspended && (code === "qemu-crashed" || code === "qemu-lost")) {
    await machine.record(({ operation: _done, ...state }) => ({
      ...state,
      failure: { reason: "start", message: reason, ...(hint ? { hint } : {}), at: new Date().toISOString() },
    }));
  }
}

export interface StopTimes {
  acpiTimeoutMs: number;
  quitTimeoutMs: number;
}

/** Stops by ACPI, then by QEMU's quit (which flushes the images), then by killing; each has its time. */
export async function stop(machine: Machine, times: StopTimes, work: Work): Promise<void> {
  if (await machine.join("stop")) return;
  const { status } = machine.view;
  if (status.state === "stopped" || status.state === "failed") return clearFailure(machine);
  if (status.state === "suspended") {
    throw vivError(
      "wrong-state",
      `${machine.name} is suspended; its memory is saved.`,
      `Wake it first (viv start ${machine.name}), or discard the saved memory: viv kill ${machine.name}`,
    );
  }
  requireRun(machine);
  return machine.operate("stop", work, async (operation) => {
    await machine.recordIfPossible((state) => ({ ...state, wanted: "stopped" }), { quiet: true });
    await stopByLadder(machine, times, operation);
  });
}

async function clearFailure(machine: Machine): Promise<void> {
  if (machine.state.failure || machine.state.wanted !== "stopped") {
    await machine.record(({ failure: _failure, ...state }) => ({ ...state, wanted: "stopped" }));
  }
}

async function stopByLadder(machine: Machine, times: StopTimes, operation: Operation): Promise<void> {
  const run = requireRun(machine);
  const session = machine.session;
  if (session && times.acpiTimeoutMs > 0) {
    await operation.step("asking the guest to shut down", { record: {} });
    if (session.runState !== "running") await session.qmp.execute("cont", {}, { timeoutMs: 3000 }).catch(() => undefined);
    if (await pressPowerButton(machine, session, run, times.acpiTimeoutMs, operation)) return ended(machine);
  }
  if (session && times.quitTimeoutMs > 0) {
    await operation.step("ending QEMU", { record: {} });
    const asked = await session.qmp.execute("quit", {}, { timeoutMs: 3000 }).then(
      () => true,
      () => false,
    );
    if (asked && (await gone(machine, run, times.quitTimeoutMs, operation))) return ended(machine);
  }
  await operation.step("killing QEMU", { record: {} });
  if (!(await killProcess(run, 10_000)))
    throw vivError("failed", `${machine.name}: process ${run.pid} does not go away.`, "It may hang in the host's kernel; look at `dmesg`.");
  await ended(machine);
}

/** A guest that is still booting does not hear the button: it is pressed again, as a person would. */
const pressAgainMs = 4000;

async function pressPowerButton(
  machine: Machine,
  session: Session,
  run: { pid: number; startTime: string },
  timeoutMs: number,
  operation: Operation,
): Promise<boolean> {
  const deadline = Date.now() + timeoutMs;
  for (let left = timeoutMs; left > 0; left = deadline - Date.now()) {
    const asked = await session.qmp.execute("system_powerdown", {}, { timeoutMs: 3000 }).then(
      () => true,
      () => false,
    );
    if (!asked && session.responding === false) return false;
    if (await gone(machine, run, Math.min(left, pressAgainMs), operation)) return true;
  }
  return false;
}

/** Waits for the process's end, by the monitor's closing, for at most `timeoutMs`. */
async function gone(machine: Machine, run: { pid: number; startTime: string }, timeoutMs: number, operation: Operation): Promise<boolean> {
  const { session } = machine;
  // A signal that was given already never says so again: waiting for it would be for ever.
  operation.signal.throwIfAborted();
  if (!session) return waitGone(run, timeoutMs);
  const timer = timeoutSignal(timeoutMs);
  const stopped = AbortSignal.any([timer.signal, operation.signal]);
  await new Promise<void>((resolve) => {
    stopped.addEventListener("abort", () => resolve(), { once: true });
    void session.qmp.closed.then(() => resolve());
  });
  timer.clear();
  operation.signal.throwIfAborted();
  return stopped.aborted ? false : waitGone(run, 3000);
}

function timeoutSignal(timeoutMs: number): { signal: AbortSignal; clear: () => void } {
  const abort = new AbortController();
  const timer = setTimeout(() => abort.abort(), timeoutMs);
  return { signal: abort.signal, clear: () => clearTimeout(timer) };
}

/** The process is gone on purpose: the facts say so, whoever notices first. */
async function ended(machine: Machine): Promise<void> {
  const { session } = machine;
  machine.session = undefined;
  session?.dispose();
  if (machine.state.run) await recordEnd(machine, { guest: false, reason: "host-qmp-quit" });
}

/** Ends the process at once, interrupting whatever is in progress. A suspended machine loses its saved memory. */
export async function kill(machine: Machine, work: Work): Promise<void> {
  const { state } = machine;
  if (!state.run && !machine.busy && !state.suspended) return clearFailure(machine);
  await machine.operate(
    "stop",
    work,
    async (operation) => {
      await operation.step("killing QEMU", { record: {} });
      const run = machine.state.run;
      if (run && !(await killProcess(run, 10_000)))
        throw vivError(
          "failed",
          `${machine.name}: process ${run.pid} does not go away.`,
          "It may hang in the host's kernel; look at `dmesg`.",
        );
      await ended(machine);
      await forgetMemory(machine);
      await machine.recordIfPossible(({ failure: _failure, ...rest }) => ({ ...rest, wanted: "stopped" }));
    },
    { interrupt: true },
  );
}

export async function restart(machine: Machine, times: StopTimes, work: Work): Promise<void> {
  if (machine.state.run) await stop(machine, times, work);
  await start(machine, work);
}

/** The reset button: the guest loses what it had not written. */
export async function reset(machine: Machine): Promise<void> {
  const session = requireSession(machine);
  // It ends and is started again (sessionEvents.ts).
  if (machine.state.run?.template !== undefined) return session.qmp.execute("system_reset").then(() => undefined);
  await machine.record(
    (state) => ({
      ...state,
      ...(state.run ? { run: { ...withoutPause(state.run), readiness: {}, requestedAt: new Date().toISOString() } } : {}),
    }),
    { quiet: true },
  );
  session.agent.connected = false;
  watchReadiness(machine, session);
  await session.qmp.execute("system_reset");
  if (session.runState !== "running") await session.qmp.execute("cont");
  await session.refreshStatus();
  machine.changed();
}

export async function pause(machine: Machine): Promise<void> {
  const session = requireSession(machine);
  if (machine.view.status.state === "paused") return;
  await machine.record((state) => ({ ...state, ...(state.run ? { run: { ...state.run, pausedBecause: "user" as const } } : {}) }), {
    quiet: true,
  });
  await session.qmp.execute("stop");
  await session.refreshStatus();
  machine.changed();
}

/** Continues; after a full disk the write is tried again, after a panic only a reset helps. */
export async function resume(machine: Machine): Promise<void> {
  const session = requireSession(machine);
  const { status } = machine.view;
  if (status.state === "paused" && (status.because === "panic" || status.because === "internal-error")) {
    throw vivError(
      "wrong-state",
      `${machine.name} cannot continue: ${status.because === "panic" ? "its kernel panicked" : "its processor reached a state that cannot go on"}.`,
      `Reset it (viv reset ${machine.name}) or kill it.`,
    );
  }
  if (status.state === "paused" && status.because === "disk-full") await requireSomeSpace(machine);
  if (status.state === "paused" && status.because === "guest-suspended") await session.qmp.execute("system_wakeup");
  else await session.qmp.execute("cont");
  await session.refreshStatus();
  await machine.record((state) => ({ ...state, wanted: "running", ...(state.run ? { run: withoutPause(state.run) } : {}) }));
}

export function requireRun(machine: Machine): NonNullable<StateFile["run"]> {
  const run = machine.state.run;
  if (!run) throw notRunning(machine);
  return run;
}

/** The live session. @throws VivError `wrong-state` when nothing runs, `not-responding` when QEMU does not answer. */
export function requireSession(machine: Machine): Session {
  if (!machine.state.run) throw notRunning(machine);
  const { session } = machine;
  if (!session?.responding) {
    throw vivError(
      "not-responding",
      `${machine.name}: QEMU (process ${machine.state.run.pid}) does not respond.`,
      `If it stays so, end it: viv kill ${machine.name}`,
    );
  }
  return session;
}

function notRunning(machine: Machine): Error {
  const { status } = machine.view;
  if (status.state === "damaged") return vivError("damaged", `${machine.name} is damaged: ${status.reason}.`, status.hint);
  return vivError("wrong-state", `${machine.name} is not running (it is ${status.state}).`, `Start it: viv start ${machine.name}`);
}
