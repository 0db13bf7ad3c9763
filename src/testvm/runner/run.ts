import { asVivError, vivError } from "../../model/index.ts";
import type { LoadedFile, Plan } from "../file/index.ts";
import { problemsError, shownIn } from "../file/index.ts";
import { type Counts, type CoveredFile, countsOf } from "../results/index.ts";
import { collectCoverage, collectOutputs, collectReports, Limited, type PlacedCase } from "./collect.ts";
import { runCommand } from "./command.ts";
import { hostProblems } from "./hostCheck.ts";
import { imageHere } from "./image.ts";
import type { Beside } from "./lifecycle.ts";
import { runMachineName } from "./names.ts";
import { isInfrastructure, readyMachine } from "./ready.ts";
import { TestMachineRecords } from "./records.ts";
import type { RunWork } from "./work.ts";

/** What one target's run came to. */
export interface RunResult {
  readonly target: string | undefined;
  readonly machine: string;
  /** The test command's own; 124 when its time was over. */
  readonly exitCode: number;
  readonly timedOut: boolean;
  /** From the request to the test command. */
  readonly readyMs: number;
  /** Of the test command. */
  readonly durationMs: number;
  readonly counts: Counts;
  readonly cases: readonly PlacedCase[];
  /** What of the workspace's files ran, where that was asked for. */
  readonly coverage?: readonly CoveredFile[];
  /** What is wrong with the reports. */
  readonly problems: readonly string[];
  /** Paths that were copied back. */
  readonly outputs: readonly string[];
  /** The machine is still there, for a look. */
  readonly kept: boolean;
}

export interface RunOptions {
  readonly keepOnFailure?: boolean;
  /** Make the machine anew, also where a warm one could go on. */
  readonly cold?: boolean;
  /** Read what of the files ran, where the file names such a report. */
  readonly coverage?: boolean;
  /** Before each line of the tests' output, where several targets run. */
  readonly label?: string;
}

/**
 * Runs a plan's tests in a machine of their own, which is gone afterwards. A machine or service that fails under them is
 * no failure of the tests: the run is tried once more.
 * @throws VivError `invalid-definition`, `host-cannot`, `failed` (a lifecycle command), `cancelled` and what a machine can meet.
 */
export async function runTests(work: RunWork, loaded: LoadedFile, plan: Plan, options: RunOptions = {}): Promise<RunResult> {
  if (!plan.tests)
    throw problemsError(
      [loaded.problemAt([["tests"]], 'the tests have no command: "tests": { "command": "make test" }')],
      shownIn(plan.folder),
    );
  await checkPlan(work, loaded, plan);
  try {
    return await runOnce(work, loaded, plan, options);
  } catch (error) {
    if (work.signal.aborted || !isInfrastructure(error)) throw error;
    work.onNote(`The machine failed, not the tests: ${asVivError(error).message} Once more.`);
    return runOnce(work, loaded, plan, options);
  }
}

/** @throws VivError when this computer cannot, or there is no such image. */
export async function checkPlan(work: RunWork, loaded: LoadedFile, plan: Plan): Promise<void> {
  const client = await work.connect();
  const host = await client.call("host.report", {}, { signal: work.signal, onProgress: work.onProgress });
  const found = hostProblems(plan, host);
  const problems = found.length > 0 ? found : [await imageHere(work, plan)].filter((problem) => problem !== undefined);
  if (problems.length === 0) return;
  const places = (path: readonly string[]) => (plan.target === undefined ? [path] : [["targets", plan.target, ...path], path]);
  const placed = problems.map(({ path, message }) => loaded.problemAt(places(path), message));
  const { message, hint } = problemsError(placed, shownIn(plan.folder));
  throw found.length > 0
    ? vivError("host-cannot", message, "viv doctor says what this computer can.")
    : vivError("invalid-definition", message, hint);
}

async function runOnce(work: RunWork, loaded: LoadedFile, plan: Plan, options: RunOptions): Promise<RunResult> {
  const began = performance.now();
  const records = new TestMachineRecords(work.home);
  await records.sweep(await work.connect());
  const machine = runMachineName(plan.folder, plan.target);
  const record = {
    machine,
    folder: plan.folder,
    ...(plan.target === undefined ? {} : { target: plan.target }),
    pid: process.pid,
    hash: loaded.hash,
    made: false,
  };
  await records.write({ ...record, kind: "run" });
  const keep = options.keepOnFailure ?? plan.onFailure === "keep";
  let kept = false;
  const keepIt = async () => {
    await records.write({ ...record, kind: "kept" });
    kept = true;
  };
  let beside: Beside | undefined;
  try {
    try {
      beside = await readyMachine(work, plan, machine, options.cold ?? false);
    } catch (error) {
      if (keep && asVivError(error).code === "failed") await keepIt();
      throw error;
    }
    const result = await runTestCommand(work, plan, machine, { ...options, readyMs: performance.now() - began });
    if (keep && (result.exitCode !== 0 || result.counts.failed > 0)) await keepIt();
    return { ...result, kept };
  } finally {
    await beside?.stop();
    if (kept) work.onNote(`${machine} is kept: viv exec ${machine} -t -- sh; viv down removes it.`);
    else await records.discard(await work.connect(), machine);
  }
}

/** The tests in a machine that is ready, their reports and what they made. */
async function runTestCommand(
  work: RunWork,
  plan: Plan,
  machine: string,
  { readyMs, label, coverage }: RunOptions & { readonly readyMs: number },
): Promise<RunResult> {
  const { tests } = plan;
  if (!tests) throw vivError("invalid-definition", "The tests have no command.");
  work.onProgress({ kind: "test", step: "running the tests" });
  const printed = tests.tap === "-" ? new Limited() : undefined;
  const started = performance.now();
  const { exitCode, timedOut } = await runCommand(work, plan, machine, tests.command, {
    from: "tests",
    timeoutMs: tests.timeoutMs,
    ...(label === undefined ? {} : { label }),
    ...(printed ? { onStdout: (chunk: Buffer) => void printed.add(chunk) } : {}),
  });
  const durationMs = performance.now() - started;
  const { cases, problems } = await collectReports(work, plan, machine, printed);
  const covered = coverage ? await collectCoverage(work, plan, machine) : undefined;
  const outputs = await collectOutputs(work, plan, machine);
  const counts = countsOf(cases);
  const odd = exitCode === 0 && counts.failed > 0 ? ["the reports have failures, and the command ended with 0"] : [];
  return {
    target: plan.target,
    machine,
    exitCode,
    timedOut,
    readyMs: Math.round(readyMs),
    durationMs: Math.round(durationMs),
    counts,
    cases,
    ...(covered?.files ? { coverage: covered.files } : {}),
    problems: [...problems, ...(covered?.problems ?? []), ...odd],
    outputs,
    kept: false,
  };
}
