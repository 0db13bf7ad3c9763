/**
 * `npm run test:soak`: what takes too long for every `npm test`. Random walks of 500 steps; the seeds are printed, and
 * `VIVARIUM_WALK_SEEDS=7 npm run test:soak` repeats one.
 */
import { spawnSync } from "node:child_process";
import { randomInt } from "node:crypto";
import { join } from "node:path";
import { build, ensureBundle, ensureGuests } from "./setup/artefacts.ts";
import { checkout } from "./setup/run.ts";
import { buildPrograms, ensureSystemPrograms, testPrograms } from "./setup/systemPackages.ts";

const seeds = process.env["VIVARIUM_WALK_SEEDS"] ?? [1, 2, 3, 4, 5, randomInt(1_000_000)].join(",");

await ensureSystemPrograms([...buildPrograms, ...testPrograms]);
await ensureBundle();
await ensureGuests(["x86_64"]);
await build();
console.log(`seeds ${seeds}`);
const walk = spawnSync(process.execPath, [join("node_modules", "mocha", "bin", "mocha.js"), join("test", "qemu", "snapshotWalk.test.ts")], {
  cwd: checkout,
  stdio: "inherit",
  env: { ...process.env, VIVARIUM_WALK_SEEDS: seeds, VIVARIUM_WALK_STEPS: process.env["VIVARIUM_WALK_STEPS"] ?? "500" },
});
process.exitCode = walk.status ?? 1;
