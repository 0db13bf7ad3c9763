import { realpathSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import { execa } from "execa";
import { homeFolder } from "../api/index.ts";
import { vivError } from "../model/index.ts";
import { type AutostartPlan, autostartPlan } from "./autostart.ts";
import { serviceProgram } from "./service.ts";

/** The plan for this user, this home and this viv. */
export function autostart(): AutostartPlan {
  const home = homeFolder();
  return autostartPlan({ platform: process.platform, userHome: homedir(), home, service: service(home) });
}

/** An installed `viv` is called by its launcher, which each newer service writes anew: nothing of one build is named. */
function service(home: string): string[] {
  const script = realpathSync(process.argv[1] ?? "");
  const bin = join(realpathSync(home), "bin");
  if (dirname(dirname(script)) === bin || dirname(dirname(script)) === realpathSync(bin))
    return [join(home, "bin", process.platform === "win32" ? "viv.cmd" : "viv"), "daemon", "run"];
  const { executable, arguments: words } = serviceProgram(script);
  return [executable, ...words];
}

/** @throws VivError `host-cannot` with what the system's own tool said. */
export async function runAll(commands: AutostartPlan["enable"], signal: AbortSignal): Promise<void> {
  for (const [program, ...args] of commands) {
    if (program === undefined) continue;
    const result = await execa(program, args, { reject: false, stdin: "ignore", cancelSignal: signal });
    if (result.exitCode === 0) continue;
    throw vivError(
      "host-cannot",
      `${[program, ...args].join(" ")} failed: ${result.stderr || result.shortMessage || "no reason given"}`,
      "The service starts by itself whenever a client needs it.",
    );
  }
}
