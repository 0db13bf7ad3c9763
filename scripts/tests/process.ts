import { spawn } from "node:child_process";
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { checkout } from "../setup/run.ts";

export interface Counts {
  passes: number;
  failures: number;
  pending: number;
  /** What failed and why, a line each. */
  failed?: string[];
  /** The bench: which ratios were measured again. */
  again?: string[];
}

export function add(total: Counts, counts: Counts): void {
  total.passes += counts.passes;
  total.failures += counts.failures;
  total.pending += counts.pending;
}

/** A check that passes or fails as one. */
export async function command(program: string, args: readonly string[]): Promise<Counts> {
  const code = await spawnAndWait(join(checkout, "node_modules", ".bin", program), args, {});
  return { passes: code === 0 ? 1 : 0, failures: code === 0 ? 0 : 1, pending: 0 };
}

/** Test files in one process. `kept`: what it says comes with the counts, instead of at once. */
export async function mochaFiles(files: readonly string[], output: "inherit" | "kept"): Promise<Counts & { said: string }> {
  const reporter = join(checkout, "test", "support", "reporter.cjs");
  return withStats([join(checkout, "node_modules", "mocha", "bin", "mocha.js"), "--reporter", reporter, ...files], output);
}

/** Runs a program of Node's which writes its numbers to the file VIVARIUM_TEST_STATS. */
export async function withStats(args: readonly string[], output: "inherit" | "kept"): Promise<Counts & { said: string }> {
  const folder = mkdtempSync(join(tmpdir(), "viv-stats-"));
  const file = join(folder, "stats.json");
  try {
    const kept = output === "kept" ? join(folder, "output") : undefined;
    const code = await spawnAndWait(process.execPath, args, { VIVARIUM_TEST_STATS: file }, kept);
    return { ...countsFrom(file, code), said: kept === undefined ? "" : readFileSync(kept, "utf8") };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** A program that died before its end has no numbers: that is a failure, whatever ran. */
function countsFrom(file: string, code: number): Counts {
  try {
    const counts = JSON.parse(readFileSync(file, "utf8")) as Counts;
    return code !== 0 && counts.failures === 0 ? { ...counts, failures: 1 } : counts;
  } catch {
    return { passes: 0, failures: 1, pending: 0 };
  }
}

/** Longer than any file or tier takes on a busy host; what hangs is told instead of waited for. */
const limitMinutes = 20;

/** `output`: a file that gets what it says, else this terminal. */
function spawnAndWait(program: string, args: readonly string[], env: Record<string, string>, output?: string): Promise<number> {
  const stream = output === undefined ? "inherit" : openSync(output, "w");
  return new Promise<number>((done, failed) => {
    const child = spawn(program, args, { cwd: checkout, stdio: ["ignore", stream, stream], env: { ...process.env, ...env } });
    const timer = setTimeout(() => {
      console.log(`${args.at(-1)} did not end within ${limitMinutes} minutes: killed.`);
      child.kill("SIGKILL");
    }, limitMinutes * 60_000);
    child.once("error", failed);
    child.once("exit", (code) => {
      clearTimeout(timer);
      done(code ?? 1);
    });
  }).finally(() => {
    if (typeof stream === "number") closeSync(stream);
  });
}
