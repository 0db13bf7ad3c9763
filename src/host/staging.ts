import { mkdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { type MachinePaths, machinePaths, syncFolder } from "../machine/index.ts";
import { vivError } from "../model/index.ts";

export interface StagingContext {
  readonly machinesFolder: string;
  isTaken(name: string): boolean;
}

/**
 * Makes a machine's folder, whole or not at all: `fill` puts it together under a hidden name, which a crash leaves for the
 * next vivd to remove, and one rename puts it in place. Not `durable`: after the host's power cut it may be damaged.
 * @throws VivError `exists`, and what `fill` throws
 */
export async function stageMachine(
  context: StagingContext,
  name: string,
  id: string,
  fill: (paths: MachinePaths) => Promise<void>,
  signal: AbortSignal,
  { durable }: { durable: boolean } = { durable: true },
): Promise<void> {
  requireFree(context, name);
  const staging = join(context.machinesFolder, `.creating-${process.pid}-${id.slice(0, 8)}`);
  try {
    await mkdir(staging, { mode: 0o700 });
    await fill(machinePaths(staging));
    signal.throwIfAborted();
    if (durable) await syncFolder(staging);
    requireFree(context, name);
    await rename(staging, join(context.machinesFolder, name)).catch((error: NodeJS.ErrnoException) => {
      throw error.code === "ENOTEMPTY" || error.code === "EEXIST" ? taken(name) : error;
    });
    if (durable) await syncFolder(context.machinesFolder);
  } catch (error) {
    await rm(staging, { recursive: true, force: true });
    throw error;
  }
}

export function requireFree(context: StagingContext, name: string): void {
  if (context.isTaken(name)) throw taken(name);
}

function taken(name: string): Error {
  return vivError("exists", `There is a machine ${name} already.`, `Choose another name, or remove it: viv rm ${name}`);
}
