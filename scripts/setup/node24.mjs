/**
 * Runs a TypeScript script of this project on its own Node 24, after installing what npm installs. Plain JavaScript for
 * Node 20, because it is the first thing that runs on a fresh machine.
 */
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, statSync } from "node:fs";
import { join, resolve } from "node:path";

const checkout = resolve(import.meta.dirname ?? ".", "..", "..");
const node = join(checkout, "node_modules", "node", "bin", process.platform === "win32" ? "node.exe" : "node");

/** @param {string} script below the checkout */
export function runOnNode24(script) {
  const [major] = process.versions.node.split(".").map(Number);
  if (major < 20) fail(`Node ${process.versions.node} is too old: Vivarium's development needs Node 20 or newer.`);
  if (!packagesAreCurrent()) installPackages();
  const result = spawnSync(node, [join(checkout, script), ...process.argv.slice(2)], {
    cwd: checkout,
    stdio: "inherit",
    env: {
      ...process.env,
      PATH: `${join(checkout, "node_modules", "node", "bin")}${process.platform === "win32" ? ";" : ":"}${process.env.PATH}`,
    },
  });
  if (result.error) fail(result.error.message);
  process.exit(result.status ?? 1);
}

/** npm writes its own lock into node_modules when it is done; older than ours means something changed. */
function packagesAreCurrent() {
  const installed = join(checkout, "node_modules", ".package-lock.json");
  if (!existsSync(node) || !existsSync(installed)) return false;
  if (statSync(installed).mtimeMs >= statSync(join(checkout, "package-lock.json")).mtimeMs) return true;
  // A fresh clone's files are all new; what counts is whether the same packages are there.
  const wanted = packageVersions(join(checkout, "package-lock.json"));
  const present = packageVersions(installed);
  return [...wanted].every(([path, version]) => present.get(path) === version);
}

/** @param {string} file a package-lock.json */
function packageVersions(file) {
  const { packages } = JSON.parse(readFileSync(file, "utf8"));
  const required = Object.entries(packages).filter(([path, entry]) => path !== "" && !entry.optional);
  return new Map(required.map(([path, entry]) => [path, entry.version]));
}

function installPackages() {
  console.log("Installing the npm packages of package-lock.json (npm ci) …");
  const npm = process.env.npm_execpath ? [process.execPath, process.env.npm_execpath] : ["npm"];
  const result = spawnSync(npm[0], [...npm.slice(1), "ci", "--no-audit", "--no-fund"], {
    cwd: checkout,
    stdio: "inherit",
    shell: process.platform === "win32",
  });
  if (result.status !== 0) fail("npm ci failed; its own message is above.");
}

/** @param {string} message */
function fail(message) {
  console.error(message);
  process.exit(1);
}
