import { readFile, stat } from "node:fs/promises";
import { isAlive, processCommand, processStartTime } from "../backends/index.ts";
import { asVivError, type Definition, type OperationRecord, type ProcessIdentity, type RunRecord } from "../model/index.ts";
import { findChannels } from "./channels.ts";
import { dropJoints } from "./clone/point.ts";
import { settleDisks } from "./disks/recover.ts";
import { settleForwards } from "./forwards/index.ts";
import { letRun } from "./lifecycle.ts";
import type { Machine } from "./machine.ts";
import { killProcess } from "./processEnd.ts";
import { Session } from "./session.ts";
import { reconnect, recordEnd, sessionListener, takeUp } from "./sessionEvents.ts";
import { nameAsFolder } from "./settings.ts";
import { recoverSnapshots } from "./snapshots/recover.ts";
import { removeTemporaries } from "./storage.ts";
import { endSaved, forgetMemory } from "./suspend.ts";

/** A QEMU that its vivd left while it started may take this long to open its monitor. */
const adoptionTimeoutMs = 3000;
/** One that runs answers at once. The service does not wait longer for one that hangs: it is taken up when it answers. */
const answerTimeoutMs = 500;

/**
 * What a new vivd does with a machine it finds: adopts the process that runs, finishes or undoes the operation that
 * the old vivd was in. Never throws for one machine's trouble: that becomes its state.
 *
 * | operation, step | process alive | process gone |
 * | --- | --- | --- |
 * | none | adopted | `failed (lost)` |
 * | start, process not recorded yet | undone: ended, the guest never ran | undone: stopped |
 * | start, recorded | finished: it continues | undone: stopped |
 * | wake, before `continuing` | undone: killed, still suspended | undone: still suspended |
 * | wake, `continuing` | finished | saved memory is stale and dropped: `failed (lost)` |
 * | stop, any | goes on running (ask again) | finished |
 * | suspend, not recorded yet | undone: the guest continues | what was saved is dropped, `failed (lost)` |
 * | suspend, recorded | finished: ended | finished |
 * | state.json lost | adopted, with what can be seen of it | stopped |
 * | disk, any | see disks/recover.ts | see disks/recover.ts |
 * | forward, any | QEMU gets what is recorded: opened or undone | nothing to do |
 * | fork, before `continuing` | undone: ended, its folder is removed by whoever opens the home | the same |
 * | fork, `continuing` | finished | `failed (lost)` |
 * | clone, export, template, any | undone: half-made files are removed, the layers under the copy are nobody's; it runs on | undone the same |
 * | rename, any | – | finished or undone: vm.json has the name of its folder |
 * | snapshot, restore, merge | `snapshots/recover.ts` | `snapshots/recover.ts`; a process that ran is `failed (lost)` |
 */
export async function recover(machine: Machine): Promise<void> {
  await settle(machine).catch((error: unknown) =>
    machine.host.notice(
      machine,
      "error",
      `What was in progress could not be put right: ${asVivError(error).message}`,
      `End it: viv kill ${machine.name}`,
    ),
  );
}

async function settle(machine: Machine): Promise<void> {
  await removeTemporaries(machine.paths.folder);
  if (machine.factsLost) await recordWhatRuns(machine);
  const { operation } = machine.state;
  if (operation?.kind === "rename") return nameAsFolder(machine).then(() => clearOperation(machine));
  const process = await findProcess(machine);
  if (!process) return withoutProcess(machine);
  const session = await connect(machine);
  if (!session) return notAnswering(machine, process);
  machine.session = session;
  switch (operation?.kind) {
    case "suspend":
      return machine.state.suspended ? endSaved(machine).then(() => clearOperation(machine)) : undoSuspend(machine, session);
    case "wake":
      return operation.step === "continuing" ? finishStart(machine, session, true) : undoWake(machine, process);
    case "start":
      return finishStart(machine, session, false);
    case "snapshot":
    case "restore":
    case "merge":
      await recoverSnapshots(machine, operation, session);
      takeUp(machine, session);
      return clearOperation(machine);
    case "disk":
      await settleDisks(machine, session);
      takeUp(machine, session);
      return clearOperation(machine);
    case "forward":
      await settleForwards(machine, session);
      takeUp(machine, session);
      return clearOperation(machine);
    case "fork":
      return operation.step === "continuing" ? finishStart(machine, session, false) : undoFork(machine, process);
    case "clone":
    case "export":
    case "template":
      await recoverCopy(machine, operation, session);
      takeUp(machine, session);
      return clearOperation(machine);
    default:
      takeUp(machine, session);
      await clearOperation(machine);
  }
}

/** What a copy was made of stands still no longer; what was made of it is removed by whoever opens the home. */
async function recoverCopy(machine: Machine, operation: OperationRecord, session: Session | undefined): Promise<void> {
  await recoverSnapshots(machine, operation, session);
  await dropJoints(machine);
}

/** The recorded process; or one that was spawned just before its vivd died, by QEMU's own pid file. */
async function findProcess(machine: Machine): Promise<ProcessIdentity | undefined> {
  const { run, operation } = machine.state;
  if (run) return (await isAlive(run)) ? run : undefined;
  if (operation?.kind !== "start" && operation?.kind !== "wake" && operation?.kind !== "fork") return undefined;
  return processOfPidFile(machine);
}

async function processOfPidFile(machine: Machine): Promise<ProcessIdentity | undefined> {
  const pid = Number(await readFile(machine.run.pidFile, "utf8").catch(() => ""));
  const startTime = pid > 0 ? await processStartTime(pid) : undefined;
  // The file may be older than the host's last boot, and the pid another program's.
  if (startTime === undefined || !(await processCommand(pid))?.includes(machine.run.pidFile)) return undefined;
  return { pid, startTime };
}

/** Writes a run record for a process that is this machine's by its pid file and arguments. */
async function recordWhatRuns(machine: Machine): Promise<void> {
  const { definition } = machine;
  const process = definition && (await processOfPidFile(machine));
  if (!process) return machine.record((state) => state);
  const words = (await processCommand(process.pid)) ?? "";
  const toolchain = await machine.host.toolchain().catch(() => undefined);
  const startedAt = (await stat(machine.run.pidFile)).mtime.toISOString();
  const accelerator = (["kvm", "hvf", "whpx"] as const).find((name) => words.includes(`-accel ${name}`)) ?? "tcg";
  const run: RunRecord = {
    ...process,
    accelerator,
    qemuId: toolchain?.id ?? "lost",
    qemuVersion: toolchain?.version ?? "lost",
    startedAt,
    requestedAt: startedAt,
    definition,
    forwards: [],
    readiness: {},
  };
  await machine.record((state) => ({ ...state, wanted: "running", run }));
}

async function connect(machine: Machine): Promise<Session | undefined> {
  const timeoutMs = machine.state.operation ? adoptionTimeoutMs : answerTimeoutMs;
  return findChannels(machine)
    .then((channels) => Session.connect(channels, machine.id, sessionListener(machine), { timeoutMs }))
    .catch(() => undefined);
}

async function withoutProcess(machine: Machine): Promise<void> {
  const { run, operation, suspended } = machine.state;
  if (operation?.kind === "start") return clearRun(machine);
  if (operation?.kind === "fork" && operation.step !== "continuing") return;
  if (operation?.kind === "disk") await settleDisks(machine, undefined).then(() => clearOperation(machine));
  if (operation?.kind === "wake" && operation.step !== "continuing") return clearRun(machine);
  if (operation?.kind === "stop") {
    await recordEnd(machine, { guest: false, reason: "host-qmp-quit" });
    return clearOperation(machine);
  }
  if (operation?.kind === "suspend" && suspended) return clearRun(machine);
  if (operation?.kind === "restore" && operation.step === "ending QEMU" && run)
    await recordEnd(machine, { guest: false, reason: "host-qmp-quit" });
  if (operation?.kind === "clone" || operation?.kind === "export" || operation?.kind === "template") {
    await recoverCopy(machine, operation, undefined);
    if (!machine.state.run) return clearOperation(machine);
  }
  if (operation?.kind === "snapshot" || operation?.kind === "restore" || operation?.kind === "merge") {
    await recoverSnapshots(machine, operation, undefined);
    if (!machine.state.run) return clearOperation(machine);
  }
  if (operation?.kind === "suspend" || operation?.kind === "wake") await forgetMemory(machine);
  if (!run) return clearOperation(machine);
  await machine.fail({
    reason: "lost",
    message: "QEMU ended while nobody watched (the host restarted, or the process was killed).",
    hint: `Start it again; the guest's disks are as after a power cut. Logs: ${machine.paths.logs}`,
  });
}

/** A live process that does not answer: shown as running and not responding; kill works. */
async function notAnswering(machine: Machine, process: ProcessIdentity): Promise<void> {
  if (!machine.state.run) {
    // Spawned, never recorded, never answered: it has not run a guest.
    await killProcess(process);
    return clearRun(machine);
  }
  machine.host.notice(machine, "warning", "QEMU runs but does not respond.", `If it stays so, end it: viv kill ${machine.name}`);
  machine.changed();
  const { operation } = machine.state;
  void reconnect(machine)
    .then(() => settleSnapshots(machine, operation))
    .catch((error: unknown) => machine.host.notice(machine, "error", asVivError(error).message));
}

/** What broke off with snapshots is put right as soon as QEMU answers. */
async function settleSnapshots(machine: Machine, operation: OperationRecord | undefined): Promise<void> {
  const { session } = machine;
  if (!session || !operation || machine.busy !== undefined) return;
  if (operation.kind !== "snapshot" && operation.kind !== "restore" && operation.kind !== "merge") return;
  await recoverSnapshots(machine, operation, session);
  await clearOperation(machine);
}

async function finishStart(machine: Machine, session: Session, woken: boolean): Promise<void> {
  const definition = (machine.state.run?.definition as Definition | undefined) ?? machine.definition;
  if (!machine.state.run || !definition) {
    // The record of a process without its arguments cannot be made up: end it, the guest never ran.
    const process = await findProcess(machine);
    session.dispose();
    machine.session = undefined;
    if (process) await killProcess(process);
    return clearRun(machine);
  }
  await letRun(machine, session, definition);
  if (!woken) return;
  await forgetMemory(machine);
  machine.clockIsBehind();
}

async function undoWake(machine: Machine, process: ProcessIdentity): Promise<void> {
  machine.session?.dispose();
  machine.session = undefined;
  await killProcess(process);
  await clearRun(machine);
}

/** Its operation stays in the record, by which it is known as one that never ran (`neverRan`). */
async function undoFork(machine: Machine, process: ProcessIdentity): Promise<void> {
  machine.session?.dispose();
  machine.session = undefined;
  await killProcess(process);
  await machine.record(({ run: _run, ...state }) => state);
}

/** A fork that a crash left before its guest went on: nothing is lost with its folder. */
export function neverRan({ state }: Machine): boolean {
  return state.operation?.kind === "fork" && state.operation.step !== "continuing" && state.run === undefined;
}

/** Ends what a half-made folder's record or pid file names; nobody goes on with it. */
export async function endLeftOver(machine: Machine): Promise<void> {
  const process = machine.state.run ?? (await processOfPidFile(machine));
  if (process) await killProcess(process);
}

async function undoSuspend(machine: Machine, session: Session): Promise<void> {
  const data = machine.state.operation?.data ?? {};
  await session.qmp.execute("migrate_cancel").catch(() => undefined);
  await forgetMemory(machine);
  if (data.wasRunning === true) await session.qmp.execute("cont");
  await session.refreshStatus();
  takeUp(machine, session);
  await clearOperation(machine);
}

function clearOperation(machine: Machine): Promise<void> {
  if (!machine.state.operation) return Promise.resolve();
  return machine.record(({ operation: _done, ...state }) => state);
}

function clearRun(machine: Machine): Promise<void> {
  return machine.record(({ operation: _done, run: _run, ...state }) => ({ ...state, wanted: state.suspended ? "suspended" : "stopped" }));
}
