/**
 * `npm test`: sets up what the tests need, then runs every tier. Ends with `N passed, N failed, N skipped`.
 *
 *   npm test -- unit golden    only these tiers
 *
 * A tier that cannot run fails, and so does a skipped test.
 */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { build, ensureBundle, ensureGuests } from "./setup/artefacts.ts";
import { ensureOldNode } from "./setup/oldNode.ts";
import { checkout } from "./setup/run.ts";
import { buildPrograms, ensureSystemPrograms, testPrograms } from "./setup/systemPackages.ts";
import { editorPrograms, ensureEditor } from "./setup/vscode.ts";
import { add, type Counts, command, mochaFiles, withStats } from "./tests/process.ts";
import { runRealFiles } from "./tests/realFiles.ts";

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
];

/** These share the machine: their files run side by side (tests/realFiles.ts). */
const realTiers = [
  { name: "qemu", what: "real QEMU, real guests, real faults" },
  { name: "vscode", what: "a real VS Code, a real browser, real machines" },
] as const;

async function main(): Promise<void> {
  const asked = process.argv.slice(2);
  const names = [...tiers, ...realTiers].map(({ name }) => name);
  const unknown = asked.find((name) => !names.includes(name));
  if (unknown !== undefined) throw new Error(`There is no tier ${unknown}; there are ${names.join(", ")}.`);
  const isChosen = (tier: string) => asked.length === 0 || asked.includes(tier);
  await setUp(isChosen("vscode"), isChosen("qemu"));
  const totals: Counts = { passes: 0, failures: 0, pending: 0 };
  const rows: string[] = [];
  for (const tier of tiers.filter(({ name }) => isChosen(name))) {
    console.log(`\n── ${tier.name}: ${tier.what}`);
    const started = performance.now();
    const counts = await tier.run();
    add(totals, counts);
    rows.push(row(tier.name, counts, started));
  }
  const real = realTiers.filter(({ name }) => isChosen(name));
  for (const tier of real) console.log(`\n── ${tier.name}: ${tier.what}`);
  const started = performance.now();
  const files = (tier: "qemu" | "vscode") => (isChosen(tier) ? testFiles(tier) : []);
  const { counts, ranTwice, times } = await runRealFiles({ qemu: files("qemu"), vscode: files("vscode") });
  for (const { name } of real) {
    add(totals, counts[name]);
    rows.push(row(name, counts[name], started));
  }
  console.log(`\n${rows.join("\n")}\n`);
  const slowest = times.toSorted((left, right) => right.seconds - left.seconds).slice(0, 10);
  for (const { file, seconds } of slowest) console.log(`${String(seconds).padStart(4)} s  ${file}`);
  for (const { what, why } of ranTwice) console.log([`ran twice: ${what}`, ...why].join("\n  "));
  if (isChosen("vscode")) console.log("Screenshots of every view and theme: dist/screenshots");
  console.log(text(totals));
  process.exitCode = totals.failures > 0 || totals.pending > 0 ? 1 : 0;
}

function row(tier: string, counts: Counts, started: number): string {
  return `${tier.padEnd(8)} ${text(counts)}  (${Math.round((performance.now() - started) / 1000)} s)`;
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

/** All files of a tier in one process: quick. */
function mocha(tier: string): Promise<Counts> {
  return mochaFiles(testFiles(tier), "inherit");
}

/** `npm run bench -- --short`: each ratio is a check; one that drifted is measured again before it counts, and that is said. */
async function bench(): Promise<Counts> {
  const counts = await withStats([join(checkout, "scripts", "bench.ts"), "--short"], "inherit");
  if (counts.again?.length) console.log([`bench: measured again:`, ...counts.again].join("\n  "));
  return counts;
}

function testFiles(tier: string): string[] {
  const names = readdirSync(join(checkout, "test", tier), { recursive: true, encoding: "utf8" });
  const files = names.filter((name) => name.endsWith(".test.ts") && !name.startsWith("."));
  if (files.length === 0) throw new Error(`The tier ${tier} has no tests.`);
  return files.sort().map((name) => join("test", tier, name));
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  console.log("0 passed, 1 failed, 0 skipped");
  process.exitCode = 1;
});
