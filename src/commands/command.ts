import type { CallOptions, MachineSummary } from "../api/index.ts";
import { type Editor, machineWords, type Offer, pickMachine, pickMachines, withCancellableProgress } from "../editor/index.ts";
import type { MachinesView } from "../vmtree/index.ts";
import { isRemovedMeanwhile, sayRemovedMeanwhile } from "./removedMeanwhile.ts";

/** What a command works with. */
export interface Work {
  readonly editor: Editor;
  readonly view: MachinesView;
}

/** One verb: gets what the tree or other code passed, asks for what is missing. Its result goes to the caller. */
export type Command = (work: Work, ...args: unknown[]) => Promise<unknown>;

interface Target {
  /** Title of the picker when nothing was pointed at. */
  title(): string;
  fits(machine: MachineSummary): boolean;
  /** Said when there are machines, but none fits. */
  none(): string;
}

interface ManyVerb extends Target {
  /** Title of the progress notification; `names` is what it works on. */
  doing(names: string): string;
  /** Asks before anything is lost; false: leave it. */
  confirm?(machines: readonly MachineSummary[]): Promise<boolean>;
  run(work: Work, machine: MachineSummary, options: Required<CallOptions>): Promise<unknown>;
  after?(work: Work, machines: readonly MachineSummary[]): void;
  /** Further buttons of the message for a machine that it failed for. */
  offers?(work: Work, machine: MachineSummary, error: unknown): Promise<Offer[]>;
}

/** A verb for one or several machines at once, with progress that can be cancelled. One that fails stops no other. */
export function manyVerb(verb: ManyVerb): Command {
  const command: Command = async (work, ...args) => {
    const { editor } = work;
    const machines = await pickMachines(editor, args, { title: verb.title(), fits: verb.fits, none: verb.none() });
    if (!machines || (verb.confirm && !(await verb.confirm(machines)))) return undefined;
    const outcomes = await withCancellableProgress(verb.doing(machineWords(machines)), (options) =>
      Promise.allSettled(machines.map((machine) => verb.run(work, machine, options))),
    );
    const done = machines.filter((_, index) => outcomes[index]?.status === "fulfilled");
    if (done.length > 0) verb.after?.(work, done);
    for (const [index, outcome] of outcomes.entries()) {
      const machine = machines[index];
      if (outcome.status !== "rejected" || !machine) continue;
      const offers = await verb.offers?.(work, machine, outcome.reason);
      presentError(work, outcome.reason, machine, () => command(work, machine.id), offers);
    }
    return outcomes.flatMap((outcome) => (outcome.status === "fulfilled" ? [outcome.value] : []));
  };
  return command;
}

interface OneVerb extends Target {
  /** `rest`: what other code passed after the machine. */
  run(work: Work, machine: MachineSummary, ...rest: unknown[]): Promise<unknown>;
}

/** A verb for one machine. Errors are shown with what mends them for that machine. */
export function oneVerb(verb: OneVerb): Command {
  const command: Command = async (work, ...args) => {
    const machine = await pickMachine(work.editor, args, { title: verb.title(), fits: verb.fits, none: verb.none() });
    if (!machine) return undefined;
    try {
      return await verb.run(work, machine, ...args.slice(1));
    } catch (error) {
      const again = () => command(work, machine.id, ...args.slice(1));
      presentError(work, error, machine, again);
      return undefined;
    }
  };
  return command;
}

/** With what mends it for that machine; one that another window removed meanwhile is named. */
export function presentError(
  { editor }: Work,
  error: unknown,
  machine: MachineSummary,
  retry: () => Promise<unknown>,
  offers: readonly Offer[] = [],
): void {
  if (isRemovedMeanwhile(error, machine)) void sayRemovedMeanwhile(machine);
  else void editor.presentError(error, { machine: machine.id, retry, offers });
}

export const anyMachine = (): boolean => true;
