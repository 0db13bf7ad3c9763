/**
 * Fills `dist/` with the programs: `viv.js` (command line) and `vivd.js` (service). `npm run build`.
 * The bundle and the guests have scripts of their own; this takes a second.
 */
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { type BuildOptions, build } from "esbuild";

const outFolder = "dist";

/** Bundled CommonJS libraries call `require` for Node's own modules. */
const requireForModules = 'import { createRequire as __createRequire } from "node:module"; const require = __createRequire(import.meta.url);';

const manifest = JSON.parse(await readFile("package.json", "utf8")) as { version: string };
const buildTime = process.env.SOURCE_DATE_EPOCH ? new Date(Number(process.env.SOURCE_DATE_EPOCH) * 1000) : new Date();
const identity = {
  __VIVARIUM_VERSION__: JSON.stringify(manifest.version),
  __VIVARIUM_BUILD__: JSON.stringify(buildTime.toISOString().replaceAll(/[-:]|\.\d+Z$/g, "")),
};

await mkdir(outFolder, { recursive: true });
const program: BuildOptions = {
  outdir: outFolder,
  bundle: true,
  platform: "node",
  target: "node20",
  format: "esm",
  // jsonc-parser's CommonJS form is UMD, which cannot be bundled.
  mainFields: ["module", "main"],
  banner: { js: requireForModules },
  define: identity,
  minifySyntax: true,
  legalComments: "none",
  logLevel: "warning",
};
// Split: a verb loads only what it needs, which halves the time of the short ones.
await rm(`${outFolder}/viv-parts`, { recursive: true, force: true });
await build({ ...program, entryPoints: { viv: "src/cli/viv.ts" }, splitting: true, chunkNames: "viv-parts/[name]-[hash]" });
// One file: the service runs from a copy of it (src/daemon/runtime.ts).
await build({ ...program, entryPoints: { vivd: "src/daemon/vivd.ts" } });
// The programs are ES modules wherever they are copied to.
await writeFile(`${outFolder}/package.json`, `${JSON.stringify({ type: "module", version: manifest.version })}\n`);
