import type { Probe } from "./probes.ts";
import { type Readiness, type ReadinessStep, readinessSteps } from "./state.ts";

/** The readiness ladder as it is shown: when each step came, how that compares, and what to look at when one does not come. Pure. */

export interface LadderStep {
  /** A step's name, `first-boot`, or `probe:NAME`. */
  readonly step: string;
  readonly description: string;
  readonly state: "reached" | "waiting" | "passed";
  /** From the start request. */
  readonly ms: number | null;
  /** Since the step before it. */
  readonly tookMs: number | null;
  /** What it took in past starts; null where fewer than three compare. */
  readonly medianMs: number | null;
  /** By how much it is slower than the median, where that is no noise. */
  readonly slowerMs: number | null;
  /** What to look at; of steps that are awaited. */
  readonly hint?: string;
}

export interface LadderFacts {
  readonly name: string;
  readonly readiness: Readiness;
  /** Of past starts, newest first. */
  readonly history: readonly Readiness[];
  readonly probes: readonly Probe[];
  readonly running: boolean;
  readonly inFirstBoot: boolean;
}

const descriptions: Record<ReadinessStep, string> = {
  qmp: "QEMU answers",
  firmware: "the firmware shows a sign of life",
  kernel: "the guest's kernel has started",
  init: "its first program has started",
  network: "it has an address",
  agent: "an agent in it answers",
  ssh: "its SSH server greets",
};

/** @param name the machine's */
function hintOf(step: string, name: string, probes: readonly Probe[]): string {
  switch (step) {
    case "qmp":
      return `Look at QEMU's own words: viv logs ${name} --qemu`;
    case "firmware":
      return `Nothing was said on the serial console. Look at the screen: viv screenshot ${name} -o screen.png`;
    case "kernel":
      return `No kernel has started: look at the screen (viv screenshot ${name} -o screen.png), at the boot order, and whether the disk has a system; a UEFI system needs firmware.type=uefi.`;
    case "init":
      return `The kernel runs, but no program has started: its root file system may be missing. viv logs ${name} --serial`;
    case "network":
      return `The guest has no address yet: look at its adapters (viv show ${name}) and at its DHCP client (viv serial ${name}).`;
    case "agent":
      return `No agent answers: look at what the guest does (viv logs ${name} --serial), or install qemu-guest-agent in it.`;
    case "ssh":
      return `No SSH server greets: is one installed and started in the guest? It is reached by a NAT adapter. viv serial ${name}`;
    case "first-boot":
      return `The first boot is not over: viv logs ${name} --serial, or in the guest: cloud-init status --long`;
    default: {
      const probe = probes.find((each) => `probe:${each.name}` === step);
      return `${probe?.description ?? "Your own probe does not succeed"}: ${probe ? asks(probe) : step}`;
    }
  }
}

function asks({ command, tcp, http }: Probe): string {
  if (command !== undefined) return `it runs in the guest: ${command}`;
  if (tcp !== undefined) return `nothing listens on port ${tcp} of the guest`;
  return `http on port ${http?.port} of the guest, ${http?.path}`;
}

/** All steps: those reached in the order they came, then those awaited; one that a later step went past is told as such. */
export function readinessLadder(facts: LadderFacts): LadderStep[] {
  const { readiness, history, probes, name } = facts;
  const times = timesOf(readiness);
  const reached = [...times].sort(([, left], [, right]) => left - right);
  const lines = reached.map(([step, ms], index): LadderStep => {
    const before = reached[index - 1];
    const tookMs = ms - (before?.[1] ?? 0);
    const medianMs = median(tookBefore(history, step, before?.[0]));
    return {
      step,
      description: descriptionOf(step, probes),
      state: "reached",
      ms,
      tookMs,
      medianMs: medianMs ?? null,
      slowerMs: slower(tookMs, tookBefore(history, step, before?.[0])),
    };
  });
  if (!facts.running) return lines;
  const last = Math.max(-1, ...readinessSteps.map((step, index) => (readiness[step] === undefined ? -1 : index)));
  const missing = [
    ...readinessSteps.map((step, index) => ({ step: step as string, state: index < last ? ("passed" as const) : ("waiting" as const) })),
    ...(facts.inFirstBoot ? [{ step: "first-boot", state: "waiting" as const }] : []),
    ...probes.map((probe) => ({ step: `probe:${probe.name}`, state: "waiting" as const })),
  ].filter(({ step }) => !times.has(step));
  return [
    ...lines,
    ...missing.map(
      ({ step, state }): LadderStep => ({
        step,
        description: descriptionOf(step, probes),
        state,
        ms: null,
        tookMs: null,
        medianMs: median(tookBefore(history, step, undefined)) ?? null,
        slowerMs: null,
        ...(state === "waiting" ? { hint: hintOf(step, name, probes) } : {}),
      }),
    ),
  ];
}

/** The step to look at when a machine does not become ready: the first that is awaited, and that readiness needs. */
export function awaitedStep(facts: LadderFacts): LadderStep | undefined {
  if (!facts.running || facts.readiness.ready !== undefined) return undefined;
  const waiting = readinessLadder(facts).filter(({ state }) => state === "waiting");
  const canTalk = facts.readiness.agent !== undefined || facts.readiness.ssh !== undefined;
  // An agent or SSH: one of them is enough.
  return waiting.find(({ step }) => !canTalk || step === "first-boot" || step.startsWith("probe:")) ?? waiting[0];
}

function descriptionOf(step: string, probes: readonly Probe[]): string {
  if (step === "first-boot") return "its first boot is over";
  const known = (descriptions as Record<string, string | undefined>)[step];
  return known ?? probes.find((probe) => `probe:${probe.name}` === step)?.description ?? step;
}

function timesOf(readiness: Readiness): Map<string, number> {
  const steps = readinessSteps.flatMap((step) => (readiness[step] === undefined ? [] : [[step as string, readiness[step]] as const]));
  return new Map([...steps, ...Object.entries(readiness.probes ?? {}).map(([name, ms]) => [`probe:${name}`, ms] as const)]);
}

/** What the step took in past starts that came to it by the same step before: others do not compare. */
function tookBefore(history: readonly Readiness[], step: string, before: string | undefined): number[] {
  return history.flatMap((past) => {
    const times = timesOf(past);
    const [ms, from] = [times.get(step), before === undefined ? 0 : times.get(before)];
    return ms === undefined || from === undefined || ms < from ? [] : [ms - from];
  });
}

const leastStarts = 3;
/** A busy host alone costs this much. */
const leastSlowerMs = 500;
const leastSlowerRatio = 1.5;
/** Of the median distance from the median; about three standard deviations. */
const leastSlowerSpread = 4.5;

function median(values: readonly number[]): number | undefined {
  if (values.length < leastStarts) return undefined;
  const sorted = [...values].sort((left, right) => left - right);
  const middle = sorted.length / 2;
  const at = (index: number) => sorted[index] ?? 0;
  return Number.isInteger(middle) ? (at(middle - 1) + at(middle)) / 2 : at(Math.floor(middle));
}

/** By how much, when it is beyond noise: half as long again, more than the starts differ among themselves, and half a second. */
function slower(tookMs: number, past: readonly number[]): number | null {
  const usual = median(past);
  if (usual === undefined) return null;
  const spread = median(past.map((ms) => Math.abs(ms - usual))) ?? 0;
  const limit = usual + Math.max(leastSlowerMs, usual * (leastSlowerRatio - 1), spread * leastSlowerSpread);
  return tookMs > limit ? Math.round(tookMs - usual) : null;
}
