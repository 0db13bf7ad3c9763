import { writeFile } from "node:fs/promises";
import { asVivError } from "../../model/index.ts";
import { junitText, type PlacedCase, type RunResult, runTests } from "../../testvm/index.ts";
import { safeText } from "../safe.ts";
import { planOptions, runWork, trustedPlans } from "../testvm.ts";
import { defineVerb, type Work } from "../verb.ts";

export const verb = defineVerb({
  name: "test",
  summary: "Run a repository's tests in machines of their own",
  usage: "[--folder DIR] [--target T]… [--junit FILE] [--cold] [--keep] [--trust] [--allow-env NAME]…",
  details:
    "What the tests need is in .testvm/testvm.json. Each target gets a new machine with a copy of the folder, and the machine is gone afterwards, also after Ctrl+C. What it was after postCreateCommand is kept as a template: later runs are forks of it, until what made it changes. " +
    "The tests' output is this command's, what sets the machine up goes to stderr; the exit code is that of the tests (124 when their time was over), of the first target that failed. " +
    "A machine that fails under the tests is no failure of theirs: the run is tried once more. Before a file runs for the first time, and after each change of it, you are asked.",
  arguments: {},
  options: {
    ...planOptions,
    junit: { value: "FILE", summary: "Write the results of all targets here, as JUnit XML with paths of this computer", completes: "file" },
    cold: { summary: "Make the machine anew, and keep that one for later runs" },
    keep: { summary: "Leave the machine when its tests, or what prepares them, fail; viv down removes it" },
  },
  examples: [
    ["viv test", "every target of ./.testvm/testvm.json"],
    ["viv test --target debian --keep", "one of them, and a look at it when it fails"],
    ["viv test --trust --junit results.xml", "in CI"],
  ],
  async run(work) {
    const { loaded, plans } = await trustedPlans(work, work.options);
    const runner = runWork(work);
    const results: RunResult[] = [];
    let code = 0;
    for (const plan of plans) {
      const label = plans.length > 1 && plan.target !== undefined ? { label: plan.target } : {};
      try {
        const result = await runTests(runner, loaded, plan, {
          ...label,
          cold: work.options.cold,
          ...(work.options.keep ? { keepOnFailure: true } : {}),
        });
        results.push(result);
        tell(work, result);
        code ||= result.exitCode;
      } catch (error) {
        if (plans.length === 1 || work.signal.aborted || asVivError(error).code === "cancelled") throw error;
        code ||= await work.report(error);
      }
    }
    if (work.options.junit !== undefined) await writeFile(work.path(work.options.junit), junit(results));
    if (work.json) work.print(results, () => "");
    return code;
  },
});

function junit(results: readonly RunResult[]): string {
  return junitText(results.map(({ target, durationMs, cases }) => ({ name: target ?? "tests", durationMs, cases })));
}

const shownFailures = 20;

/** On stderr: stdout is the tests'. */
function tell(work: Work, result: RunResult): void {
  const { target, counts, cases, exitCode, timedOut, durationMs, readyMs, outputs } = result;
  const name = target === undefined ? "" : `${target}: `;
  const counted = cases.length === 0 ? "" : `, ${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`;
  const ended = timedOut ? "their time was over" : `exit code ${exitCode}`;
  const failed = cases.filter(({ outcome }) => outcome === "failed" || outcome === "error");
  for (const one of failed.slice(0, shownFailures)) work.note(failureText(one));
  if (failed.length > shownFailures) work.note(`  and ${failed.length - shownFailures} more`);
  for (const problem of result.problems) work.note(`viv: ${name}${safeText(problem)}`);
  if (outputs.length > 0) work.note(`viv: ${name}${outputs.length} ${outputs.length === 1 ? "file" : "files"} brought back`);
  work.note(`viv: ${name}${ended}${counted}; ready in ${seconds(readyMs)}, tests ${seconds(durationMs)}`);
}

function failureText({ suite, name, path, line, message }: PlacedCase): string {
  const place = path === undefined ? "" : `  ${path}${line === undefined ? "" : `:${line}`}`;
  return (
    safeText(`  failed: ${suite === "" ? "" : `${suite} > `}${name}${place}`) + (message === undefined ? "" : `\n    ${safeText(message)}`)
  );
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}
