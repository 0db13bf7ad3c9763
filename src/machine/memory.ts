import { vivError } from "../model/index.ts";
import { deferred, type QmpEvent } from "../qemu/index.ts";
import type { Operation } from "./machine.ts";
import type { Session } from "./session.ts";
import { runSteps } from "./snapshots/live.ts";
import { loadMemory } from "./snapshots/plan.ts";

/** Migration's default limit is 128 MiB/s; a local file takes what the disk gives. */
const unlimitedBandwidth = 2 ** 40;

/** Stops the guest and writes its memory and device state to a file. On an error the guest is still stopped. */
export async function saveMemory(session: Session, file: string, operation: Operation): Promise<void> {
  const { qmp } = session;
  await qmp.execute("stop");
  await qmp.execute("migrate-set-capabilities", { capabilities: [{ capability: "events", state: true }] });
  await qmp.execute("migrate-set-parameters", { "max-bandwidth": unlimitedBandwidth });
  const finished = awaitMigration(session, operation);
  finished.catch(() => undefined);
  try {
    await qmp.execute("migrate", { uri: `file:${file}` });
    await reportProgress(session, operation, finished);
  } catch (error) {
    await qmp.execute("migrate_cancel").catch(() => undefined);
    throw error;
  }
}

/** Reads memory and device state into a QEMU that was started with `-incoming defer`. `mappedRam` as it was written. */
export async function restoreMemory(session: Session, file: string, mappedRam: boolean, operation: Operation): Promise<void> {
  const finished = awaitMigration(session, operation);
  finished.catch(() => undefined);
  await runSteps(session, loadMemory(file, mappedRam));
  await finished;
  if (mappedRam) await session.qmp.execute("migrate-set-capabilities", { capabilities: [{ capability: "mapped-ram", state: false }] });
}

/** Resolves when migration completed; rejects when it failed, was cancelled, or QEMU went away. */
export async function awaitMigration(session: Session, operation: Operation): Promise<void> {
  const ended = deferred<void>();
  const listening = session.qmp.onEvent((event: QmpEvent) => {
    if (event.name !== "MIGRATION") return;
    if (event.data.status === "completed") ended.resolve();
    if (event.data.status === "failed" || event.data.status === "cancelled") void explainFailure(session).then(ended.reject, ended.reject);
  });
  void session.qmp.closed.then(() => ended.reject(vivError("qemu-lost", "QEMU ended while memory was moved.")));
  const abort = () => ended.reject(operation.signal.reason);
  operation.signal.addEventListener("abort", abort, { once: true });
  if (operation.signal.aborted) abort();
  try {
    await ended.promise;
  } finally {
    listening.dispose();
    operation.signal.removeEventListener("abort", abort);
  }
}

export async function explainFailure(session: Session): Promise<Error> {
  const state = await session.qmp.execute("query-migrate");
  if (/No space left|Disk quota/i.test(state["error-desc"] ?? ""))
    return vivError("disk-full", "The disk is full: memory could not be saved.", "Free some space and try again.");
  return vivError(
    "failed",
    `Memory could not be moved: ${state["error-desc"] ?? state.status ?? "no reason given"}`,
    "Check the free space of the disk.",
  );
}

async function reportProgress(session: Session, operation: Operation, finished: Promise<void>): Promise<void> {
  const timer = setInterval(() => {
    void session.qmp.execute("query-migrate", {}, { timeoutMs: 2000 }).then(
      (state) => {
        const total = state.ram?.total ?? 0;
        const remaining = state.ram?.remaining ?? 0;
        if (total > 0) void operation.step("saving memory", { percent: Math.round((100 * (total - remaining)) / total) });
      },
      () => undefined,
    );
  }, 250);
  try {
    await finished;
  } finally {
    clearInterval(timer);
  }
}
