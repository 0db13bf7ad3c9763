/**
 * `npm test`: sets up what the tests need, then runs every tier. Ends with `N passed, N failed, N skipped`.
 *
 *   npm test -- unit golden    only these tiers
 *
 * A tier that cannot run fails, and so does a skipped test.
 */
import { spawn } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { build, ensureBundle, ensureGuests } from "./setup/artefacts.ts";
import { ensureOldNode } from "./setup/oldNode.ts";
import { checkout } from "./setup/run.ts";
import { buildPrograms, ensureSystemPrograms, testPrograms } from "./setup/systemPackages.ts";
import { editorPrograms, ensureEditor } from "./setup/vscode.ts";

interface Counts {
  passes: number;
  failures: number;
  pending: number;
  /** What failed and why, a line each. */
  failed?: string[];
  /** The bench: which ratios were measured again. */
  again?: string[];
}

interface Tier {
  readonly name: string;
  readonly what: string;
  run(): Promise<Counts>;
}

const tiers: readonly Tier[] = [
  { name: "types", what: "TypeScript, strict", run: () => command("tsc", ["--noEmit"]) },
  { name: "pages", what: "TypeScript of the webviews’ pages", run: () => command("tsc", ["--noEmit", "-p", "src/webviews"]) },
  { name: "viv", what: "TypeScript of viv and vivd: only what Node 20 knows", run: () => command("tsc", ["--noEmit", "-p", "src/cli"]) },
  { name: "lint", what: "format, lint, import arrows", run: () => command("biome", ["check", "--error-on-warnings", "."]) },
  { name: "unit", what: "pure code", run: () => mocha("unit") },
  { name: "golden", what: "command lines, transcripts, help", run: () => mocha("golden") },
  { name: "bench", what: "what we add to a bare QEMU, against the committed ratios", run: bench },
  { name: "qemu", what: "real QEMU, real guests, real faults", run: () => eachFile("qemu") },
  { name: "vscode", what: "a real VS Code, a real browser, real machines", run: () => eachFile("vscode") },
];

async function main(): Promise<void> {
  const asked = process.argv.slice(2);
  const unknown = asked.find((name) => !tiers.some((tier) => tier.name === name));
  if (unknown !== undefined) throw new Error(`There is no tier ${unknown}; there are ${tiers.map((tier) => tier.name).join(", ")}.`);
  const chosen = tiers.filter((tier) => asked.length === 0 || asked.includes(tier.name));
  const isChosen = (tier: string) => chosen.some(({ name }) => name === tier);
  await setUp(isChosen("vscode"), isChosen("qemu"));
  const totals: Counts = { passes: 0, failures: 0, pending: 0 };
  const rows: string[] = [];
  for (const tier of chosen) {
    console.log(`\n── ${tier.name}: ${tier.what}`);
    const started = performance.now();
    const counts = await tier.run();
    totals.passes += counts.passes;
    totals.failures += counts.failures;
    totals.pending += counts.pending;
    rows.push(`${tier.name.padEnd(8)} ${text(counts)}  (${Math.round((performance.now() - started) / 1000)} s)`);
  }
  console.log(`\n${rows.join("\n")}\n`);
  for (const { file, seconds } of slowest()) console.log(`${String(seconds).padStart(4)} s  ${file}`);
  for (const { what, why } of ranTwice) console.log([`ran twice: ${what}`, ...why].join("\n  "));
  if (isChosen("vscode")) console.log("Screenshots of every view and theme: dist/screenshots");
  console.log(text(totals));
  process.exitCode = totals.failures > 0 || totals.pending > 0 ? 1 : 0;
}

function text({ passes, failures, pending }: Counts): string {
  return `${passes} passed, ${failures} failed, ${pending} skipped`;
}

async function setUp(withEditor: boolean, withOldNode: boolean): Promise<void> {
  await ensureSystemPrograms([...buildPrograms, ...testPrograms, ...(withEditor ? editorPrograms : [])]);
  if (withEditor) for (const name of ["current", "floor"] as const) await ensureEditor(name);
  if (withOldNode) await ensureOldNode();
  await ensureBundle();
  await ensureGuests(["x86_64", "aarch64"]);
  await build();
}

/** A check that passes or fails as one. */
async function command(program: string, args: readonly string[]): Promise<Counts> {
  const code = await spawnAndWait(join(checkout, "node_modules", ".bin", program), args, {});
  return { passes: code === 0 ? 1 : 0, failures: code === 0 ? 0 : 1, pending: 0 };
}

/** All files of a tier in one process: quick. */
async function mocha(tier: string): Promise<Counts> {
  return runFiles(testFiles(tier));
}

/**
 * Each file in a process of its own, so that none inherits another's trouble. Real machines on a busy host are late at
 * times: a file that fails is run once more from the start; failing twice is red. What failed the first time is said at the
 * end, for it may be the product: a race that one run in fifty loses looks just like this.
 */
async function eachFile(tier: string): Promise<Counts> {
  const totals: Counts = { passes: 0, failures: 0, pending: 0 };
  const files = testFiles(tier);
  if (files.length === 0) totals.failures = 1;
  for (const file of files) {
    const started = performance.now();
    let counts = await runFiles([file]);
    if (counts.failures > 0) {
      console.log(`\n${file}: ${counts.failures} failed; once more.`);
      ranTwice.push({ what: file, why: counts.failed ?? [] });
      counts = await runFiles([file]);
    }
    times.push({ file, seconds: Math.round((performance.now() - started) / 1000) });
    totals.passes += counts.passes;
    totals.failures += counts.failures;
    totals.pending += counts.pending;
  }
  return totals;
}

const ranTwice: { what: string; why: readonly string[] }[] = [];
const times: { file: string; seconds: number }[] = [];

/** Where the time of the long tiers goes. */
function slowest(): typeof times {
  return times.toSorted((left, right) => right.seconds - left.seconds).slice(0, 10);
}

/** `npm run bench -- --short`: each ratio is a check; one that drifted is measured again before it counts, and that is said. */
async function bench(): Promise<Counts> {
  return withStats(async (stats) => {
    const code = await spawnAndWait(process.execPath, [join(checkout, "scripts", "bench.ts"), "--short"], { VIVARIUM_TEST_STATS: stats });
    const counts = countsFrom(stats, code);
    if (counts.again?.length) ranTwice.push({ what: "bench", why: counts.again });
    return counts;
  });
}

function testFiles(tier: string): string[] {
  const names = readdirSync(join(checkout, "test", tier), { recursive: true, encoding: "utf8" });
  return names
    .filter((name) => name.endsWith(".test.ts") && !name.startsWith("."))
    .sort()
    .map((name) => join("test", tier, name));
}

async function runFiles(files: readonly string[]): Promise<Counts> {
  if (files.length === 0) return { passes: 0, failures: 1, pending: 0 };
  return withStats(async (stats) => {
    const reporter = join(checkout, "test", "support", "reporter.cjs");
    const args = [join(checkout, "node_modules", "mocha", "bin", "mocha.js"), "--reporter", reporter, ...files];
    const code = await spawnAndWait(process.execPath, args, { VIVARIUM_TEST_STATS: stats });
    return countsFrom(stats, code);
  });
}

/** A file for the numbers of what is run. */
async function withStats(body: (file: string) => Promise<Counts>): Promise<Counts> {
  const folder = mkdtempSync(join(tmpdir(), "viv-stats-"));
  try {
    return await body(join(folder, "stats.json"));
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
const fileLimitMinutes = 20;

function spawnAndWait(program: string, args: readonly string[], env: Record<string, string>): Promise<number> {
  return new Promise((done, failed) => {
    const child = spawn(program, args, { cwd: checkout, stdio: ["ignore", "inherit", "inherit"], env: { ...process.env, ...env } });
    const timer = setTimeout(() => {
      console.log(`${args.at(-1)} did not end within ${fileLimitMinutes} minutes: killed.`);
      child.kill("SIGKILL");
    }, fileLimitMinutes * 60_000);
    child.once("error", failed);
    child.once("exit", (code) => {
      clearTimeout(timer);
      done(code ?? 1);
    });
  });
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  console.log("0 passed, 1 failed, 0 skipped");
  process.exitCode = 1;
});
