import { existsSync, readdirSync, realpathSync } from "node:fs";
import { dirname, join } from "node:path";
import { connect, type ServiceProgram, type VivClient } from "../api/index.ts";

/**
 * How to start vivd: `vivd.js` beside the running script, or from source the daemon's own entry. An installed `viv` is a
 * copy in the home (daemon/commandLine.ts) and is told where the rest is; when that is gone, the service's last copy serves.
 */
export function serviceProgram(script: string): ServiceProgram {
  const file = realpathSync(script);
  const folder = dirname(file);
  const entry = file.endsWith(".ts") ? join(folder, "..", "daemon", "vivd.ts") : builtService(folder);
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

function builtService(folder: string): string {
  const { VIVARIUM_DIST: told } = process.env;
  const bin = dirname(folder);
  const places = [
    ...(told === undefined ? [] : [join(told, "vivd.js")]),
    join(folder, "vivd.js"),
    ...readdirSync(bin)
      .filter((name) => name.startsWith("vivd-"))
      .sort()
      .reverse()
      .map((name) => join(bin, name, "vivd.js")),
  ];
  return places.find((place) => existsSync(place)) ?? join(folder, "vivd.js");
}
