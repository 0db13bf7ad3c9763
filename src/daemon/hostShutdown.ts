import { execa } from "execa";
import { kill, type Machine, stop, suspend } from "../machine/index.ts";
import { asVivError } from "../model/index.ts";
import type { World } from "./world.ts";

/** Systems give services about 90 s; suspending must fit beside everything else. */
const limits = { acpiTimeoutMs: 30_000, quitTimeoutMs: 5000 };

/**
 * A signal to vivd alone must not stop machines; one because the user's session or the host ends must. systemd knows
 * (`is-system-running` says “stopping”); elsewhere the login task calls `viv daemon host-shutdown`.
 */
export async function hostIsShuttingDown(): Promise<boolean> {
  if (process.platform !== "linux") return false;
  const answers = await Promise.all(
    [["--user", "is-system-running"], ["is-system-running"]].map((args) =>
      execa("systemctl", args, { reject: false, timeout: 2000, stdin: "ignore" }),
    ),
  );
  return answers.some((answer) => answer.stdout.trim() === "stopping");
}

/** Each running machine by its own policy (`onHostShutdown`); one that cannot be suspended is stopped. */
export async function shutDownMachines(world: World): Promise<{ name: string; outcome: string }[]> {
  const running = world.library.all.filter((machine) => machine.state.run !== undefined);
  return Promise.all(running.map(async (machine) => ({ name: machine.name, outcome: await shutDown(machine) })));
}

async function shutDown(machine: Machine): Promise<string> {
  const work = { signal: new AbortController().signal, progress: () => undefined };
  const policy = machine.definition?.onHostShutdown ?? "suspend";
  try {
    if (policy === "suspend") {
      const suspended = await suspend(machine, work).then(
        () => true,
        () => false,
      );
      if (suspended) return "suspended";
    }
    if (policy === "kill") {
      await kill(machine, work);
      return "killed";
    }
    await stop(machine, limits, work);
    return "stopped";
  } catch (error) {
    return `failed: ${asVivError(error).message}`;
  }
}
