import { type Definition, vivError } from "../../model/index.ts";
import { requireSession } from "../lifecycle.ts";
import type { Machine } from "../machine.ts";
import type { Session } from "../session.ts";

/** The guest of a machine whose disks are to change: its session and what it has; undefined when nothing runs. */
export interface RunningGuest {
  readonly session: Session;
  readonly definition: Definition;
}

/**
 * What a change of a machine's disks needs to be possible now.
 * @throws VivError `wrong-state` for a suspended machine, whose saved memory knows its disks; `damaged`, `not-responding`.
 */
export async function requireChangeable(machine: Machine): Promise<RunningGuest | undefined> {
  await machine.refreshDefinition();
  machine.requireDefinition();
  if (machine.state.suspended)
    throw vivError(
      "wrong-state",
      `${machine.name} is suspended: its saved memory knows its disks as they are.`,
      `Wake it (viv start ${machine.name}), or discard the saved memory: viv kill ${machine.name}`,
    );
  const { run } = machine.state;
  return run ? { session: requireSession(machine), definition: run.definition as Definition } : undefined;
}

/** @throws VivError `wrong-state` while it runs; `what` completes “cannot … while it runs”. */
export function requireStopped(machine: Machine, guest: RunningGuest | undefined, what: string): void {
  if (guest) throw vivError("wrong-state", `${machine.name} cannot ${what} while it runs.`, `Stop it first: viv stop ${machine.name}`);
}
