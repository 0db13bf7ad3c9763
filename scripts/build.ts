/**
 * Fills `dist/` with the programs: `viv.js` (command line), `vivd.js` (service) and `extension.cjs`. `npm run build`.
 * The bundle and the guests have scripts of their own; this takes a second.
 */
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { resolve, sep } from "node:path";
import { type BuildOptions, build, type Plugin } from "esbuild";
import { buildExtension } from "./extensionBundle.ts";

const outFolder = "dist";

/** Bundled CommonJS libraries call `require` for Node's own modules. */
const requireForModules =
  'import { createRequire as __createRequire } from "node:module"; const require = __createRequire(import.meta.url);';

const manifest = JSON.parse(await readFile("package.json", "utf8")) as { version: string };
const buildTime = process.env.SOURCE_DATE_EPOCH ? new Date(Number(process.env.SOURCE_DATE_EPOCH) * 1000) : new Date();
const identity = {
  __VIVARIUM_VERSION__: JSON.stringify(manifest.version),
  __VIVARIUM_BUILD__: JSON.stringify(buildTime.toISOString().replaceAll(/[-:]|\.\d+Z$/g, "")),
};

/**
 * These folders' modules only declare things: without this, one type guard of theirs would bring every schema along,
 * and the extension would pay for them when it is activated.
 */
function onlyWhatIsUsed(folders: readonly string[]): Plugin {
  const places = folders.map((folder) => `${resolve(folder)}${sep}`);
  return {
    name: "only-what-is-used",
    setup({ onResolve }) {
      onResolve({ filter: /^\..*\.ts$/ }, ({ path, resolveDir }) => {
        const file = resolve(resolveDir, path);
        return places.some((place) => file.startsWith(place)) ? { path: file, sideEffects: false } : undefined;
      });
    },
  };
}

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
// Split: the process that only starts the service's copy loads next to nothing (src/daemon/spawnCopy.ts).
await rm(`${outFolder}/vivd-parts`, { recursive: true, force: true });
await build({ ...program, entryPoints: { vivd: "src/daemon/vivd.ts" }, splitting: true, chunkNames: "vivd-parts/[name]-[hash]" });
// One file and no parts: it is loaded whole, and runs on while the folder it came from is replaced. It travels with vivd's parts.
await build({ ...program, entryPoints: { segment: "src/segment/main.ts" }, outdir: `${outFolder}/vivd-parts` });
await buildExtension(outFolder, { ...program, minify: true, plugins: [onlyWhatIsUsed(["src/model", "src/api"])] });
// The pages. noVNC has a top-level await, so they are modules.
await build({
  ...program,
  entryPoints: {
    console: "src/webviews/console/page/main.ts",
    "console-style": "src/webviews/console/console.css",
    settings: "src/webviews/settings/page/main.ts",
    "settings-style": "src/webviews/settings/page/settings.css",
    snapshots: "src/webviews/snapshots/page/main.ts",
    "snapshots-style": "src/webviews/snapshots/page/snapshots.css",
    image: "src/webviews/image/page/main.ts",
    "image-style": "src/webviews/image/page/image.css",
  },
  outdir: `${outFolder}/webviews`,
  platform: "browser",
  target: "chrome138",
  banner: {},
  minify: true,
  legalComments: "eof",
});
// The components: a classic script, loaded before a page's module.
await build({
  ...program,
  entryPoints: { ui: "src/webviews/ui/page/toolkit.ts" },
  outdir: `${outFolder}/webviews`,
  platform: "browser",
  target: "chrome138",
  format: "iife",
  banner: {},
  minify: true,
  legalComments: "eof",
});
// The programs are ES modules wherever they are copied to.
await writeFile(`${outFolder}/package.json`, `${JSON.stringify({ type: "module", version: manifest.version })}\n`);
