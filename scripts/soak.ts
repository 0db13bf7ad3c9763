/**
 * `npm run test:soak`: what takes too long for every `npm test`. Random walks of 500 steps; the seeds are printed, and
 * `VIVARIUM_WALK_SEEDS=7 npm run test:soak` repeats one. Writes test/soak/results.md when it ends, or is interrupted. Then viv-agent and its host side under a hundred
 * times as many hostile inputs as in `npm test`; the tests' names have their first seed (`VIVARIUM_FUZZ_SEED`).
 */
import { execFileSync, spawn } from "node:child_process";
import { randomInt } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { walkNotes, walkReport } from "../test/support/walkReport.ts";
import { build, ensureBundle, ensureGuests } from "./setup/artefacts.ts";
import { checkout } from "./setup/run.ts";
import { buildPrograms, ensureSystemPrograms, testPrograms } from "./setup/systemPackages.ts";

const seeds = process.env["VIVARIUM_WALK_SEEDS"] ?? [1, 2, 3, 4, 5, randomInt(1_000_000)].join(",");

await ensureSystemPrograms([...buildPrograms, ...testPrograms]);
await ensureBundle();
await ensureGuests(["x86_64"]);
await build();
console.log(`seeds ${seeds}`);
const notes = await mkdtemp(join(tmpdir(), "viv-soak-"));
const commit = execFileSync("git", ["rev-parse", "--short", "HEAD"], { cwd: checkout, encoding: "utf8" }).trim();
const walk = spawn(process.execPath, [join("node_modules", "mocha", "bin", "mocha.js"), join("test", "qemu", "snapshotWalk.test.ts")], {
  cwd: checkout,
  stdio: "inherit",
  env: {
    ...process.env,
    VIVARIUM_WALK_SEEDS: seeds,
    VIVARIUM_WALK_STEPS: process.env["VIVARIUM_WALK_STEPS"] ?? "500",
    VIVARIUM_WALK_REPORT: notes,
  },
});
// Ctrl+C ends the walk, and what it did so far is reported.
process.on("SIGINT", () => undefined);
const [status] = (await once(walk, "exit")) as [number | null];
const facts = { at: new Date().toISOString(), commit, host: `${cpus().length} × ${cpus()[0]?.model ?? "?"}, ${process.platform}` };
await writeFile(join(checkout, "test", "soak", "results.md"), walkReport(walkNotes(notes), facts));
await rm(notes, { recursive: true, force: true });
const fuzzers = ["test/qemu/agentFuzz.test.ts", "test/unit/qemu/vivAgentHostile.test.ts", "test/unit/copy/unpack.test.ts"];
const fuzz = spawn(process.execPath, [join("node_modules", "mocha", "bin", "mocha.js"), ...fuzzers], {
  cwd: checkout,
  stdio: "inherit",
  env: {
    ...process.env,
    VIVARIUM_FUZZ_TIMES: "100",
    VIVARIUM_FUZZ_SEED: process.env["VIVARIUM_FUZZ_SEED"] ?? String(randomInt(1_000_000)),
  },
});
const [fuzzStatus] = (await once(fuzz, "exit")) as [number | null];
process.exitCode = status === 0 && fuzzStatus === 0 ? 0 : 1;
