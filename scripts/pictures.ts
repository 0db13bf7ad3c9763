/**
 * The README's pictures, taken anew: runs the tests in VS Code that show these views, and takes their screenshots from
 * `dist/screenshots` into `docs/pictures`. Look at them before you commit. `npm run pictures`.
 */
import { copyFile, mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { checkout, run, runScript } from "./setup/run.ts";

/** Picture of the README → the test that takes it, and its screenshot. */
const pictures = [
  {
    picture: "console.png",
    test: ["proof.test.ts", "--grep", "the whole way in the current VS Code"],
    screenshot: "everything-current-dark.png",
  },
  { picture: "machines.png", test: ["machines.test.ts"], screenshot: "machines-tooltip-dark.png" },
  { picture: "settings.png", test: ["settings.test.ts"], screenshot: "settings-running-dark.png" },
  { picture: "snapshots.png", test: ["snapshots.test.ts"], screenshot: "snapshots-graph-dark.png" },
] as const;

await runScript("scripts/build.ts");
const folder = join(checkout, "docs", "pictures");
await mkdir(folder, { recursive: true });
for (const { picture, test, screenshot } of pictures) {
  const [file, ...options] = test;
  const taken = join(checkout, "dist", "screenshots", screenshot);
  // One of an earlier run would pass for today's.
  await rm(taken, { force: true });
  await run(process.execPath, ["node_modules/mocha/bin/mocha.js", join("test", "vscode", file), ...options]);
  await copyFile(taken, join(folder, picture));
  console.log(`docs/pictures/${picture}`);
}
