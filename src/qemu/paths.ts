import { posix, win32 } from "node:path";
import type { LaunchContext, Platform } from "./types.ts";

/** Path rules of the host that runs the machine, not of the one that runs this code: a golden can be a PC. */
export function hostPath(platform: Platform): typeof posix {
  return platform === "win32" ? win32 : posix;
}

/** A file of the definition: below the machine's folder unless absolute. */
export function machineFile(context: Pick<LaunchContext, "platform" | "machineDirectory">, file: string): string {
  const path = hostPath(context.platform);
  return path.isAbsolute(file) ? file : path.join(context.machineDirectory, file);
}
