/**
 * `npm run bench`: how fast Vivarium is, against a bare QEMU and against libvirt on the same machine.
 * Writes test/bench/results.md, figures.json (what it is made from) and ratios.json.
 *
 *   --short        under three minutes, for CI: only the ratios to a bare QEMU, against the committed ones; fails when one
 *                  is more than 25 % worse
 *   --no-libvirt   leave the comparison with libvirt out
 *   --no-debian    leave the Debian guest out (its boot takes a minute)
 *   --only PART…   starting, booting, service, library, copies, download, snapshots, forks, forwards, sync, others: these alone; the others stay as they were measured last
 */
import { execFile } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { measureBooting } from "../test/bench/booting.ts";
import { measureCopies } from "../test/bench/copies.ts";
import { measureDownload } from "../test/bench/download.ts";
import type { Measured, PartResult, PartResults, Ratios } from "../test/bench/figure.ts";
import { measureForks } from "../test/bench/forks.ts";
import { measureForwards } from "../test/bench/forwards.ts";
import { measureLibrary } from "../test/bench/library.ts";
import { measureOthers, measurePrograms } from "../test/bench/others.ts";
import { drifts, readRatios, writeRatios } from "../test/bench/ratios.ts";
import { currentLoad, line, met, notesOf, report, type Versions } from "../test/bench/report.ts";
import { measureService } from "../test/bench/service.ts";
import { measureSnapshots } from "../test/bench/snapshots.ts";
import { measureStarting } from "../test/bench/starting.ts";
import { measureSync } from "../test/bench/sync.ts";
import { copyPrograms, makeWorld, type Programs, type World } from "../test/bench/world.ts";
import { build, ensureBundle, ensureGuests } from "./setup/artefacts.ts";
import { checkout } from "./setup/run.ts";

const resultsFile = join(checkout, "test", "bench", "results.md");
const figuresFile = join(checkout, "test", "bench", "figures.json");
const ratiosFile = join(checkout, "test", "bench", "ratios.json");

type Part = (world: World) => Promise<Measured>;

const withLibvirt = !process.argv.includes("--no-libvirt");

const parts: Record<string, Part> = {
  starting: (world) => measureStarting(world, 15),
  booting: (world) => measureBooting(world, { runs: 7, execs: 30, libvirt: withLibvirt }),
  service: (world) => measureService(world, { running: 10, idle: 5, runs: 7, idleSeconds: 60, windows: 5 }),
  library: (world) => measureLibrary(world, 7),
  copies: (world) => measureCopies(world, 9),
  download: (world) => measureDownload(world, 7),
  snapshots: (world) => measureSnapshots(world, 5, withLibvirt),
  forks: (world) => measureForks(world, { runs: 11, debian: !process.argv.includes("--no-debian") }),
  forwards: (world) => measureForwards(world, 15),
  sync: (world) => measureSync(world, 5),
  others: (world) => measureOthers(world, 7),
};

const shortParts: Record<string, Part> = {
  starting: (world) => measureStarting(world, 7),
  booting: (world) => measureBooting(world, { runs: 3, execs: 15, libvirt: false }),
  programs: (world) => measurePrograms(world, 7),
};

/** What must not be left behind when the bench is interrupted. */
const leftovers = new Set<{ dispose(): Promise<void> }>();

async function endLeftovers(): Promise<void> {
  for (const each of [...leftovers].reverse()) await each.dispose().catch((error: unknown) => console.error(error));
}

async function main(): Promise<void> {
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => void endLeftovers().then(() => process.exit(130)));
  await ensureBundle();
  await ensureGuests(["x86_64"]);
  await build();
  const programs = await copyPrograms();
  leftovers.add(programs);
  try {
    if (process.argv.includes("--short")) await short(programs);
    else await whole(programs);
  } finally {
    await programs.dispose();
  }
}

async function whole(programs: Programs): Promise<void> {
  const only = process.argv.includes("--only")
    ? process.argv.slice(process.argv.indexOf("--only") + 1).filter((word) => !word.startsWith("-"))
    : undefined;
  const { results, ratios } = await measure(programs, only ? pick(parts, only) : parts);
  const missed = Object.values(results).flatMap(({ figures }) => figures.filter((one) => met(one) === false));
  console.log(missed.length === 0 ? "\nEvery target is met." : `\nMissed: ${missed.map(({ title }) => title).join("; ")}`);
  const before = await readPresent<PartResults>(figuresFile);
  const all = Object.fromEntries(Object.keys(parts).flatMap((name) => entryOf(name, results[name] ?? before[name])));
  const notes = notesOf(await readFile(resultsFile, "utf8").catch(() => ""));
  await writeFile(figuresFile, `${JSON.stringify(all, null, 2)}\n`);
  await writeFile(resultsFile, report(all, await versions(programs), notes));
  await writeRatios(ratiosFile, { ...(await readPresent<Ratios>(ratiosFile)), ...ratios });
}

function entryOf(name: string, result: PartResult | undefined): [string, PartResult][] {
  return result ? [[name, result]] : [];
}

/** What an earlier run wrote, or nothing. */
async function readPresent<T extends Readonly<Record<string, unknown>>>(file: string): Promise<T> {
  const text = await readFile(file, "utf8").catch(() => "{}");
  return JSON.parse(text) as T;
}

/** A ratio that drifted is measured once more before it counts: CI's machines are shared. */
async function short(programs: Programs): Promise<void> {
  const committed = await readRatios(ratiosFile);
  const first = await measure(programs, shortParts);
  const suspects = drifts(committed, first.ratios);
  if (suspects.length === 0) {
    console.log("\nNo ratio drifted.");
    return writeStats({ passes: Object.keys(first.ratios).length, failures: 0, pending: 0, again: [] });
  }
  console.log(`\nOnce more: ${suspects.join("; ")}`);
  const names = suspects.map((text) => text.slice(0, text.indexOf(":")));
  const again = await measure(
    programs,
    pick(
      shortParts,
      Object.keys(shortParts).filter((part) => names.some((name) => partOf(name) === part)),
    ),
  );
  const remaining = drifts(committed, Object.fromEntries(Object.entries(again.ratios).filter(([name]) => names.includes(name))));
  console.log(remaining.length === 0 ? "\nNo ratio drifted." : `\nDrifted by more than 25 %:\n  ${remaining.join("\n  ")}`);
  if (remaining.length > 0) process.exitCode = 1;
  const failures = remaining.length;
  await writeStats({ passes: Object.keys(first.ratios).length - failures, failures, pending: 0, again: suspects });
}

/** For `npm test`, which counts each ratio as a check. */
async function writeStats(stats: { passes: number; failures: number; pending: number; again: string[] }): Promise<void> {
  const file = process.env.VIVARIUM_TEST_STATS;
  if (file) await writeFile(file, JSON.stringify(stats));
}

/** Which part measures a ratio. */
function partOf(name: string): string {
  if (name.startsWith("start.")) return "starting";
  return name.startsWith("viv.") ? "programs" : "booting";
}

function pick(from: Record<string, Part>, names: readonly string[]): Record<string, Part> {
  const unknown = names.find((name) => !(name in from));
  if (unknown !== undefined) throw new Error(`There is no part ${unknown}; there are ${Object.keys(from).join(", ")}.`);
  return Object.fromEntries(Object.entries(from).filter(([name]) => names.includes(name)));
}

/** Each part in a home of its own, so that none pays for another. */
async function measure(programs: Programs, chosen: Record<string, Part>): Promise<{ results: PartResults; ratios: Ratios }> {
  const results: Record<string, PartResult> = {};
  const ratios: Ratios = {};
  for (const [name, part] of Object.entries(chosen)) {
    const before = currentLoad();
    console.log(`\n── ${name} (load ${before.toFixed(1)})`);
    const world = await makeWorld(programs);
    leftovers.add(world);
    try {
      const measured = await part(world);
      for (const one of measured.figures) console.log(line(one));
      for (const [ratio, value] of Object.entries(measured.ratios)) console.log(`ratio ${ratio}: ${value}`);
      results[name] = { at: new Date().toISOString(), load: [before, currentLoad()], figures: measured.figures };
      Object.assign(ratios, measured.ratios);
    } finally {
      leftovers.delete(world);
      await world.dispose();
    }
  }
  return { results, ratios };
}

async function versions(programs: Programs): Promise<Versions> {
  const manifest = JSON.parse(
    await readFile(join(programs.dist, "bundle", `${process.platform}-${process.arch}`, "manifest.json"), "utf8"),
  ) as { qemuVersion: string };
  const { version } = JSON.parse(await readFile(join(checkout, "package.json"), "utf8")) as { version: string };
  const libvirt = withLibvirt ? (await promisify(execFile)("libvirtd", ["--version"])).stdout.trim().replace(/^.* /, "") : undefined;
  return { qemu: `${manifest.qemuVersion} (the bundle's)`, vivarium: version, libvirt };
}

main().catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
