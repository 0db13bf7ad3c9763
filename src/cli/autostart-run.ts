import { homedir } from "node:os";
import { execa } from "execa";
import { homeFolder } from "../api/index.ts";
import { vivError } from "../model/index.ts";
import { type AutostartPlan, autostartPlan } from "./autostart.ts";
import { serviceProgram } from "./service.ts";

/** The plan for this user, this home and this viv. */
export function autostart(): AutostartPlan {
  const { executable, arguments: words } = serviceProgram(process.argv[1] ?? "");
  return autostartPlan({ platform: process.platform, userHome: homedir(), home: homeFolder(), service: [executable, ...words] });
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
