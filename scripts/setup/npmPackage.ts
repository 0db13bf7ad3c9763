import { mkdir, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { run } from "./run.ts";

/** What an npm package holds, as the folder `name` in `stage`, without running anything of it. */
export async function unpackPackage(stage: string, specification: string, name: string, env: NodeJS.ProcessEnv = {}): Promise<void> {
  console.log(`  ${specification}`);
  const box = join(stage, `${name}-box`);
  await mkdir(box);
  await writeFile(join(box, "package.json"), '{ "private": true }\n');
  const install = ["install", "--ignore-scripts", "--no-package-lock", "--install-strategy=shallow", "--omit=dev", specification];
  await run("npm", [...install, ...quietly], { cwd: box, env, quiet: true });
  const packageName = specification.slice(0, specification.lastIndexOf("@"));
  await rename(join(box, "node_modules", packageName), join(stage, name));
  await rm(box, { recursive: true });
}

export const quietly = ["--no-audit", "--no-fund", "--loglevel=error"] as const;
