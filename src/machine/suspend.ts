import { rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { type Definition, humanBytes, type RunRecord, vivError } from "../model/index.ts";
import type { Work } from "./host.ts";
import { launchMachine } from "./launch.ts";
import { abandon, letRun, requireRun, requireSession } from "./lifecycle.ts";
import type { Machine, Operation } from "./machine.ts";
import { restoreMemory, saveMemory } from "./memory.ts";
import { killProcess, waitGone } from "./processEnd.ts";
import type { Session } from "./session.ts";
import { recordEnd } from "./sessionEvents.ts";
import { withoutShares } from "./shares/keeper.ts";
import { memoryBlockers } from "./snapshots/blockers.ts";
import { makePrivateFolder, syncFile, syncFolder } from "./storage.ts";

/** Where a machine's memory is saved; found by the folder, which may have been renamed or moved since. */
export function savedMemory(machine: Machine): string {
  const { suspended } = machine.state;
  return suspended?.snapshot === undefined
    ? join(machine.paths.suspend, "memory")
    : join(machine.paths.snapshots, suspended.snapshot, "memory");
}

/**
 * Suspend: memory to `suspend/memory`, then the process ends. What a crash of vivd means: until state.json says
 * `suspended` it is undone (the guest goes on), from then on it is finished (the process ends). The file is complete
 * and on the disk before that is written.
 */
export async function suspend(machine: Machine, work: Work): Promise<void> {
  if (machine.view.status.state === "suspended") return;
  const run = requireRun(machine);
  const session = requireSession(machine);
  await machine.operate("suspend", work, (operation) =>
    withoutShares(machine, session, async (problems) => {
      const blocked = problems.length > 0 ? problems : await memoryBlockers(machine, session);
      if (blocked.length > 0)
        throw vivError(
          "host-cannot",
          `${machine.name} cannot be suspended: ${blocked.join("; ")}.`,
          `Or stop it: viv stop ${machine.name}`,
        );
      await saveAndEnd(machine, session, run, operation);
    }),
  );
}

async function saveAndEnd(machine: Machine, session: Session, run: RunRecord, operation: Operation): Promise<void> {
  const wasRunning = session.runState === "running";
  const file = savedMemory(machine);
  const partial = `${file}.part`;
  await makePrivateFolder(machine.paths.suspend);
  await operation.step("saving memory", { percent: 0, record: { wasRunning } });
  try {
    await saveMemory(session, partial, operation);
    await syncFile(partial);
    await rename(partial, file);
    await syncFolder(machine.paths.suspend);
    const { size } = await stat(file);
    await operation.step("recording", { percent: 100 });
    await machine.record(
      // Even a QEMU that died meanwhile left its memory whole.
      ({ failure: _failure, ...state }) => ({
        ...state,
        wanted: "suspended",
        suspended: {
          file,
          at: new Date().toISOString(),
          qemuId: run.qemuId,
          qemuVersion: run.qemuVersion,
          accelerator: run.accelerator,
          bytes: size,
          definition: run.definition,
        },
      }),
      { durable: true },
    );
  } catch (error) {
    await forgetMemory(machine);
    if (wasRunning && machine.session) await session.qmp.execute("cont").catch(() => undefined);
    throw error;
  }
  await operation.step("ending QEMU", { record: {} });
  await endSaved(machine);
}

/** Saved memory that nobody may wake from any more, or that was never finished: the record goes first. */
export async function forgetMemory(machine: Machine): Promise<void> {
  if (machine.state.suspended) await machine.recordIfPossible(({ suspended: _stale, ...state }) => state, { quiet: true });
  await rm(machine.paths.suspend, { recursive: true, force: true });
}

/** Ends a process whose memory is saved. */
export async function endSaved(machine: Machine): Promise<void> {
  const run = machine.state.run;
  if (!run) return;
  await machine.session?.qmp.execute("quit", {}, { timeoutMs: 3000 }).catch(() => undefined);
  if (!(await waitGone(run, 5000))) await killProcess(run);
  machine.session?.dispose();
  machine.session = undefined;
  if (machine.state.run) await recordEnd(machine, { guest: false, reason: "host-qmp-quit" });
}

/**
 * Wake: a fresh QEMU of the same build and arguments reads the memory. Until `continuing` is written the guest has not
 * run and a crash leaves it suspended; from then on the saved memory is stale, and is removed once it runs.
 */
export async function wake(machine: Machine, work: Work): Promise<void> {
  const saved = machine.state.suspended;
  if (!saved) throw vivError("wrong-state", `${machine.name} is not suspended.`);
  await machine.operate("wake", work, (operation) => wakeFrom(machine, saved, operation));
}

async function wakeFrom(machine: Machine, saved: NonNullable<Machine["state"]["suspended"]>, operation: Operation): Promise<void> {
  const definition = saved.definition as Definition;
  const requestedAt = new Date().toISOString();
  const file = savedMemory(machine);
  const found = await stat(file).catch(() => undefined);
  if (!found || found.size !== saved.bytes) {
    throw vivError(
      "damaged",
      `${machine.name}: its saved memory (${file}) is ${found ? `${humanBytes(found.size)} instead of ${humanBytes(saved.bytes)}` : "missing"}.`,
      `Discard it and start afresh: viv kill ${machine.name}, then viv start ${machine.name}`,
    );
  }
  let continuing = false;
  try {
    await operation.step("starting QEMU", { record: {} });
    const toolchain = await machine.host.toolchainById(saved.qemuId);
    const choice = await machine.host.accelerator({ ...definition, accelerator: saved.accelerator });
    const session = await launchMachine(
      machine,
      {
        ...{ definition, toolchain, choice, requestedAt, incoming: true },
        forwards: machine.state.lastForwards ?? [],
        withholdSsh: machine.state.identity !== undefined,
      },
      operation,
    );
    await operation.step("reading memory", { percent: 0 });
    await restoreMemory(session, file, saved.mappedRam ?? false, operation);
    continuing = true;
    await operation.step("continuing", { record: {} });
    await letRun(machine, session, definition);
  } catch (error) {
    // The guest may have run and written: woken again, it would not know its own disks.
    if (continuing) await forgetMemory(machine);
    await abandon(machine, error);
    throw error;
  }
  await forgetMemory(machine);
  machine.clockIsBehind();
}
