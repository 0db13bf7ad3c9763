import { realpathSync } from "node:fs";
import { dirname, join } from "node:path";
import { connect, type ServiceProgram, type VivClient } from "../api/index.ts";

/** How to start vivd: `vivd.js` beside the running script, or from source the daemon's own entry. */
export function serviceProgram(script: string): ServiceProgram {
  const file = realpathSync(script);
  const folder = dirname(file);
  const entry = file.endsWith(".ts") ? join(folder, "..", "daemon", "vivd.ts") : join(folder, "vivd.js");
  return {
    executable: process.execPath,
    arguments: [entry],
    ...(process.versions["electron"] === undefined ? {} : { environment: { ELECTRON_RUN_AS_NODE: "1" } }),
  };
}

/** Connects to the user's service; `start` says whether one may be started (and an older one replaced), otherwise one of any version will do. */
export function connectService(script: string, start: boolean): Promise<VivClient> {
  return connect(start ? { program: serviceProgram(script) } : { anyVersion: true });
}
