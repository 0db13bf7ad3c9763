import { spawn } from "node:child_process";
import { resolve } from "node:path";

export const checkout = resolve(import.meta.dirname, "..", "..");

export class SetupError extends Error {}

/** Runs a command with its output on ours. @throws SetupError when it fails. */
export async function run(
  command: string,
  args: readonly string[],
  options: { cwd?: string; env?: NodeJS.ProcessEnv; quiet?: boolean } = {},
): Promise<void> {
  const child = spawn(command, args, {
    cwd: options.cwd ?? checkout,
    stdio: options.quiet ? ["ignore", "ignore", "inherit"] : ["ignore", "inherit", "inherit"],
    env: { ...process.env, ...options.env },
  });
  const code = await new Promise<number | null>((done, failed) => {
    child.once("error", failed);
    child.once("exit", done);
  });
  if (code !== 0) throw new SetupError(`${command} ${args.slice(0, 3).join(" ")} … ended with ${code ?? "a signal"}.`);
}

/** This project's TypeScript scripts run on the Node that runs us. */
export function runScript(script: string, args: readonly string[] = []): Promise<void> {
  return run(process.execPath, [script, ...args]);
}
