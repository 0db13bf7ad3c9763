import module from "node:module";
import { join } from "node:path";
import { startAgain } from "./spawnCopy.ts";

/** The background service's entry: `vivd --home FOLDER`. Its output goes to `<home>/logs/vivd.log`. */
const at = process.argv.indexOf("--home");
const home = at > 0 ? process.argv[at + 1] : undefined;
if (home === undefined) {
  process.stderr.write("usage: vivd --home FOLDER\n");
  process.exitCode = 2;
} else if (!(await startAgain(home).catch(() => false))) {
  module.enableCompileCache?.(join(home, "cache", "vivd"));
  const { main } = await import("./main.ts");
  await main(home);
}
