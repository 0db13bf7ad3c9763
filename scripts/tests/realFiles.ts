import { add, type Counts, mochaFiles } from "./process.ts";

/** What measures the host itself, or time to a few milliseconds, has the machine to itself. */
const alone = /(Speed|\/backends)\.test\.ts$/;

type Tier = "qemu" | "vscode";

export interface RealFiles {
  /** By tier. */
  readonly counts: Readonly<Record<Tier, Counts>>;
  readonly ranTwice: readonly { what: string; why: readonly string[] }[];
  readonly times: readonly { file: string; seconds: number }[];
}

/**
 * The files of the tiers with real machines, each in a process of its own, so that none inherits another's trouble. Two
 * lanes: real machines wait more than they work. The first lane has the editor's files, so that one VS Code and one browser
 * run at a time, and helps the second when it is through.
 *
 * Real machines on a busy host are late at times: a file that fails is run once more from the start, alone, when the lanes
 * are through; failing twice is red. What failed the first time is said at the end, for it may be the product: a race that
 * one run in fifty loses looks just like this.
 */
export async function runRealFiles(files: Readonly<Record<Tier, readonly string[]>>): Promise<RealFiles> {
  const counts: Record<Tier, Counts> = { qemu: { passes: 0, failures: 0, pending: 0 }, vscode: { passes: 0, failures: 0, pending: 0 } };
  const times: { file: string; seconds: number }[] = [];
  const failed: { what: string; why: readonly string[] }[] = [];

  async function run(file: string, last: boolean): Promise<void> {
    const started = performance.now();
    const result = await mochaFiles([file], "kept");
    const seconds = Math.round((performance.now() - started) / 1000);
    times.push({ file, seconds });
    console.log(`\n── ${file}, ${seconds} s${last ? ", alone" : ""}\n${result.said.trimEnd()}`);
    if (result.failures > 0 && !last) failed.push({ what: file, why: result.failed ?? [] });
    else add(counts[file.includes("/vscode/") ? "vscode" : "qemu"], result);
  }

  const shared = (names: readonly string[]) => names.filter((name) => !alone.test(name));
  const queues = { qemu: shared(files.qemu), vscode: shared(files.vscode) };
  async function lane(order: readonly (readonly string[])[]): Promise<void> {
    for (const queue of order as string[][])
      for (let file = queue.shift(); file !== undefined; file = queue.shift()) await run(file, false);
  }
  await Promise.all([lane([queues.vscode, queues.qemu]), lane([queues.qemu])]);
  const quiet = [...files.qemu, ...files.vscode].filter((name) => alone.test(name));
  for (const file of quiet) await run(file, false);
  const ranTwice = [...failed];
  for (const { what } of ranTwice) await run(what, true);
  return { counts, ranTwice, times };
}
