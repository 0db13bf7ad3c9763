import { vivError } from "../model/index.ts";
import { type CommandReturn, deferred } from "../qemu/index.ts";
import type { Operation } from "./machine.ts";
import type { Session } from "./session.ts";

/** Between two looks at a job's progress. */
const progressEveryMs = 250;

export interface BlockJob {
  /** Unique in this QEMU; the command that starts the job gets it as `job-id`. */
  readonly id: string;
  /** What an operation's view and an error call it: “merging disk0”. */
  readonly step: string;
  /** Sends the command that starts it, with `auto-dismiss: false`: otherwise nobody can ask how it ended. */
  start(): Promise<unknown>;
  /** Before a job that is ready goes over to its target. */
  beforeComplete?(): Promise<void>;
  /** When everything is copied and no image names another one yet; for a job that was started with `auto-finalize: false`. */
  beforeFinalize?(): Promise<void>;
}

/**
 * Runs a block job (commit, stream, mirror, backup) to its end: progress goes to the operation, a job that is ready
 * (active commit, mirror) is completed, and an aborted signal cancels it, which leaves the images as valid as before.
 * A job that an earlier vivd left in QEMU under this id is taken over with `start` doing nothing.
 *
 * @throws VivError `cancelled`, `disk-full`, `io-error` with QEMU's words, `qemu-lost`.
 */
export async function runBlockJob(session: Session, job: BlockJob, operation: Operation): Promise<void> {
  const { qmp } = session;
  const concluded = deferred<void>();
  const listening = qmp.on("JOB_STATUS_CHANGE", ({ id, status }) => {
    if (id !== job.id) return;
    if (status === "ready") void complete();
    if (status === "pending") void finalize();
    if (status === "concluded") concluded.resolve();
  });
  void qmp.closed.then(() => concluded.reject(vivError("qemu-lost", `QEMU ended while ${job.step}.`)));
  let completing: Promise<void> | undefined;
  const complete = () => {
    completing ??= completeReady(session, job).catch(concluded.reject);
    return completing;
  };
  let finalizing: Promise<void> | undefined;
  const finalize = () => {
    finalizing ??= finalizePending(session, job).catch(concluded.reject);
    return finalizing;
  };
  const cancel = () => void qmp.execute("job-cancel", { id: job.id }).catch(() => undefined);
  try {
    operation.signal.throwIfAborted();
    await job.start();
    operation.signal.addEventListener("abort", cancel, { once: true });
    if (operation.signal.aborted) cancel();
    await reportUntil(session, job, operation, concluded, { complete, finalize });
    await settle(session, job, operation);
  } catch (error) {
    await endJob(session, job.id).catch(() => undefined);
    throw error;
  } finally {
    listening.dispose();
    operation.signal.removeEventListener("abort", cancel);
  }
}

/**
 * Ends a job that nobody waits for any more (an earlier vivd's, or one whose waiter failed): cancelled where it still
 * works, and forgotten. The images are as valid as before; one that had gone over to its target stays so.
 */
export async function endJob(session: Session, id: string): Promise<void> {
  for (let asked = 0; asked < 250; asked += 1) {
    const found = await jobOf(session, id);
    if (!found) return;
    if (found.status === "concluded") return void (await session.qmp.execute("job-dismiss", { id }));
    if (asked === 0) await session.qmp.execute("job-cancel", { id }).catch(() => undefined);
    await new Promise((wake) => setTimeout(wake, 20));
  }
}

type Job = CommandReturn<"query-jobs">[number];

async function jobOf(session: Session, id: string): Promise<Job | undefined> {
  return (await session.qmp.execute("query-jobs")).find((each) => each.id === id);
}

/** An active commit or a mirror follows the guest's writes until it is told to switch over. One that was cancelled meanwhile refuses. */
async function completeReady(session: Session, job: BlockJob): Promise<void> {
  await job.beforeComplete?.();
  await session.qmp.execute("job-complete", { id: job.id }).catch(() => undefined);
}

async function finalizePending(session: Session, job: BlockJob): Promise<void> {
  await job.beforeFinalize?.();
  await session.qmp.execute("job-finalize", { id: job.id }).catch(() => undefined);
}

/** Says how far it is, and notices an end whose event came before anybody listened. */
async function reportUntil(
  session: Session,
  job: BlockJob,
  operation: Operation,
  concluded: { promise: Promise<void>; resolve: () => void },
  next: { complete(): Promise<void>; finalize(): Promise<void> },
): Promise<void> {
  const look = async () => {
    const found = await jobOf(session, job.id);
    if (!found || found.status === "concluded") return concluded.resolve();
    if (found.status === "ready") await next.complete();
    if (found.status === "pending") await next.finalize();
    const total = found["total-progress"];
    if (total > 0) await operation.step(job.step, { percent: Math.min(100, Math.floor((100 * found["current-progress"]) / total)) });
  };
  const timer = setInterval(() => void look().catch(() => undefined), progressEveryMs);
  try {
    await concluded.promise;
  } finally {
    clearInterval(timer);
  }
}

async function settle(session: Session, job: BlockJob, operation: Operation): Promise<void> {
  const found = await jobOf(session, job.id);
  if (found) await session.qmp.execute("job-dismiss", { id: job.id });
  const problem = found?.error;
  if (problem === undefined) return;
  if (operation.signal.aborted) throw vivError("cancelled", `Cancelled: ${job.step}.`);
  if (/No space left|Disk quota/i.test(problem))
    throw vivError("disk-full", `The disk is full: ${job.step} stopped.`, "Free some space and try again; nothing is lost.");
  throw vivError("io-error", `${job.step} failed: ${problem}`, "Nothing is lost; check the disk's files (viv disk check) and try again.");
}
