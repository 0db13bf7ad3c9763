import { type FileHandle, open, statfs } from "node:fs/promises";
import { dirname } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { asVivError, vivError } from "../../model/index.ts";
import { type Deferred, deferred } from "../../qemu/index.ts";
import type { Operation } from "../machine.ts";
import { explainFailure } from "../memory.ts";
import type { Session } from "../session.ts";
import { runSteps } from "./live.ts";
import { finishMemory, saveLiveMemory, usualCapabilities } from "./plan.ts";

/** A guest that writes its memory faster than the disk takes it is stopped after this time, so that it ends. */
export const convergeWithinMs = 30_000;
/** Between two flushes of the file (see below). */
const flushEveryMs = 10;

export interface LiveSave {
  readonly file: string;
  readonly mappedRam: boolean;
  /** The guest stands still, memory is all but written, disks are still QEMU's: the moment to switch them. */
  atSwitchover(): Promise<void>;
  /** The guest is stopped early, because it would never end otherwise. */
  onStoppedEarly(): void;
}

/** Does QEMU write pages to fixed places of the file (QEMU ≥ 9.0)? Loads in a fifth of the time. */
export function hasMappedRam(session: Session): boolean {
  return session.qmp.greeting.version.major >= 9;
}

/** `migrate file:` came with QEMU 8.2. */
export function canSaveToFile(session: Session): boolean {
  const { major, minor } = session.qmp.greeting.version;
  return major > 8 || (major === 8 && minor >= 2);
}

/**
 * Writes memory and device state to a file while the guest runs, and stops it only for the end. When this returns the
 * guest stands still and everything is in the file, maybe not on the platter; `cont` is the caller's.
 *
 * The file is flushed all the time while it is written: QEMU flushes it itself when it closes it, with the guest stopped,
 * and would stand still for 160–230 ms more if there were much to flush (docs/traps.md §3).
 *
 * @throws VivError `disk-full`, `failed`, `cancelled`, `qemu-lost`; migration is over then.
 */
export async function saveMemoryLive(session: Session, save: LiveSave, operation: Operation): Promise<void> {
  const { qmp } = session;
  const handle = await open(save.file, "w", 0o600);
  const flushing = flushAllTheTime(handle);
  const migration = watchMigration(session, operation);
  const progress = reportProgress(session, operation);
  const tooLong = setTimeout(() => {
    save.onStoppedEarly();
    void qmp.execute("stop").catch(() => undefined);
  }, limitMs());
  try {
    await runSteps(session, saveLiveMemory(save.file, save.mappedRam));
    await migration.reached("pre-switchover");
    clearTimeout(tooLong);
    migration.ignoreAbort();
    await save.atSwitchover();
    await runSteps(session, [finishMemory]);
    await migration.reached("completed");
  } catch (error) {
    await cancelMigration(session);
    throw await withFullDisk(error, save.file);
  } finally {
    clearTimeout(tooLong);
    progress.stop();
    migration.dispose();
    void flushing.stop().finally(() => handle.close().catch(() => undefined));
  }
}

/** QEMU does not always say why a write failed. */
async function withFullDisk(error: unknown, file: string): Promise<unknown> {
  const { bavail, bsize } = await statfs(dirname(file));
  if (asVivError(error).code !== "failed" || bavail * bsize > noSpaceBytes) return error;
  return vivError("disk-full", "The disk is full: memory could not be saved.", "Free some space and try again.", error);
}

const noSpaceBytes = 4 * 1024 ** 2;

/** Tests make it short; otherwise it is 30 s. */
function limitMs(): number {
  const given = Number(process.env.VIVARIUM_TEST_CONVERGE_MS);
  return given > 0 ? given : convergeWithinMs;
}

/** Ends a migration that has not completed, and waits until QEMU is itself again. */
export async function cancelMigration(session: Session): Promise<void> {
  await session.qmp.execute("migrate_cancel").catch(() => undefined);
  for (let waited = 0; waited < 5000; waited += 20) {
    const state = await session.qmp.execute("query-migrate").catch(() => undefined);
    if (!state || ["none", "completed", "failed", "cancelled", undefined].includes(state.status)) break;
    await sleep(20);
  }
  await runSteps(session, [usualCapabilities(hasMappedRam(session))]).catch(() => undefined);
}

function flushAllTheTime(handle: FileHandle): { stop(): Promise<void> } {
  let stopped = false;
  const loop = (async () => {
    while (!stopped) {
      await handle.datasync().catch(() => undefined);
      await sleep(flushEveryMs);
    }
  })();
  return {
    stop: () => {
      stopped = true;
      return loop;
    },
  };
}

interface MigrationWatch {
  /** Resolves when migration has this status; rejects when it failed or ended, QEMU went away, or the work was cancelled. */
  reached(status: string): Promise<void>;
  ignoreAbort(): void;
  dispose(): void;
}

function watchMigration(session: Session, operation: Operation): MigrationWatch {
  const seen = new Set<string>();
  const waiting = new Map<string, Deferred<void>>();
  let failure: unknown;
  const fail = (error: unknown) => {
    failure ??= error;
    for (const each of waiting.values()) each.reject(failure);
  };
  const listening = session.qmp.on("MIGRATION", ({ status }) => {
    seen.add(status);
    waiting.get(status)?.resolve();
    if (status === "failed" || status === "cancelled") void explainFailure(session).then(fail, fail);
  });
  void session.qmp.closed.then(() => fail(vivError("qemu-lost", "QEMU ended while its memory was saved.")));
  const abort = () => fail(operation.signal.reason);
  operation.signal.addEventListener("abort", abort, { once: true });
  if (operation.signal.aborted) abort();
  return {
    async reached(status) {
      if (failure !== undefined) throw failure;
      if (seen.has(status)) return;
      const promised = deferred<void>();
      waiting.set(status, promised);
      await promised.promise;
    },
    ignoreAbort: () => operation.signal.removeEventListener("abort", abort),
    dispose() {
      listening.dispose();
      operation.signal.removeEventListener("abort", abort);
    },
  };
}

function reportProgress(session: Session, operation: Operation): { stop(): void } {
  const timer = setInterval(() => {
    void session.qmp.execute("query-migrate", {}, { timeoutMs: 2000 }).then(
      ({ ram }) => {
        if (ram && ram.total > 0)
          void operation.step("saving memory", { percent: Math.round((100 * (ram.total - ram.remaining)) / ram.total) });
      },
      () => undefined,
    );
  }, 250);
  return { stop: () => clearInterval(timer) };
}
