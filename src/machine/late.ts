import { awaitedStep, type LadderFacts, type LadderStep } from "../model/index.ts";
import { inFirstBoot } from "./firstBoot/watch.ts";
import type { Machine } from "./machine.ts";
import type { Session } from "./session.ts";

/** A guest that does not become ready is said to be late, with the step to look at. */

const patienceMs = { emulated: 300_000, accelerated: 90_000 } as const;
/** Of the longest of the past starts. */
const historyFactor = 2;

const late = new WeakSet<Session>();

/** @returns ends the watch. */
export function watchLate(machine: Machine, session: Session): () => void {
  late.delete(session);
  const run = machine.state.run;
  if (!run || run.readiness.ready !== undefined || !isAwaited(machine)) return () => undefined;
  const usual = Math.max(0, ...machine.state.readinessHistory.map(({ ready }) => ready ?? 0)) * historyFactor;
  const patience = Math.max(usual, run.accelerator === "tcg" ? patienceMs.emulated : patienceMs.accelerated);
  const timer = setTimeout(
    () => {
      late.add(session);
      machine.changed();
    },
    Math.max(0, Date.parse(run.requestedAt) + patience - Date.now()),
  );
  timer.unref();
  return () => clearTimeout(timer);
}

/** Only of a guest that was ready once, or that somebody waits for, is it trouble: an installer has neither agent nor SSH. */
function isAwaited(machine: Machine): boolean {
  return (
    (machine.definition?.probes ?? []).length > 0 ||
    inFirstBoot(machine) ||
    machine.state.readinessHistory.some(({ ready }) => ready !== undefined)
  );
}

/** The step that a late machine waits for; undefined for one that is in time or ready. */
export function lateStep(machine: Machine): LadderStep | undefined {
  return machine.session !== undefined && late.has(machine.session) ? stepAwaited(machine) : undefined;
}

/** The step that a machine waits for; undefined when it is ready or does not run. */
export function stepAwaited(machine: Machine): LadderStep | undefined {
  return awaitedStep(ladderFacts(machine));
}

/** What the ladder is made of. */
export function ladderFacts(machine: Machine): LadderFacts {
  return {
    name: machine.name,
    readiness: machine.state.run?.readiness ?? {},
    history: machine.state.readinessHistory,
    probes: machine.definition?.probes ?? [],
    running: machine.state.run !== undefined,
    inFirstBoot: inFirstBoot(machine),
  };
}
