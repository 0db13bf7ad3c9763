import { vivError } from "../../model/index.ts";
import { type LifecycleName, lifecycleNames, type Plan } from "../file/index.ts";
import { runCommand } from "./command.ts";
import type { RunWork } from "./work.ts";

/** What goes on beside the tests; `stop` ends it and waits. */
export interface Beside {
  ended(): Promise<void>;
  stop(): Promise<void>;
}

/**
 * Runs the lifecycle commands, each when the one before has ended, from `first` to the one the plan waits for; later ones
 * go on beside. What fails there is a note: the tests are what counts.
 * @throws VivError `failed` when a command that is waited for fails.
 */
export async function runLifecycle(work: RunWork, plan: Plan, machine: string, first: LifecycleName): Promise<Beside> {
  const from = lifecycleNames.indexOf(first);
  const last = lifecycleNames.indexOf(plan.waitFor);
  const place = (name: LifecycleName) => lifecycleNames.indexOf(name);
  const steps = plan.steps.filter(({ name }) => place(name) >= from);
  for (const step of steps) if (place(step.name) <= last) await runStep(work, plan, machine, step, work.signal);
  const ending = new AbortController();
  const beside = (async () => {
    for (const step of steps) if (place(step.name) > last) await runStep(work, plan, machine, step, ending.signal);
  })().catch((error: unknown) => {
    if (!ending.signal.aborted) work.onNote(error instanceof Error ? error.message : String(error));
  });
  return {
    ended: () => beside,
    async stop() {
      ending.abort();
      await beside;
    },
  };
}

/** An object's commands at the same time; the first that fails ends the others. */
async function runStep(
  work: RunWork,
  plan: Plan,
  machine: string,
  { name, commands }: Plan["steps"][number],
  signal: AbortSignal,
): Promise<void> {
  work.onProgress({ kind: "test", step: name });
  const failing = new AbortController();
  const either = AbortSignal.any([signal, failing.signal]);
  const failures: Error[] = [];
  await Promise.all(
    commands.map(async (command) => {
      try {
        const label = command.name === undefined ? {} : { label: command.name };
        const { exitCode } = await runCommand(work, plan, machine, command, { from: "setup", signal: either, ...label });
        if (exitCode === 0) return;
        const which = command.name === undefined ? name : `${name} (${command.name})`;
        throw vivError(
          "failed",
          `${which} failed with exit code ${exitCode}.`,
          "Its output is above. viv test --keep leaves the machine for a look.",
        );
      } catch (error) {
        failures.push(error as Error);
        failing.abort();
      }
    }),
  );
  if (failures[0]) throw failures[0];
}
