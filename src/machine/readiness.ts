import type { Probe, Readiness, ReadinessStep } from "../model/index.ts";
import { type ReadinessMark, readinessReader } from "../qemu/index.ts";
import { settleIdentity, watchIdentity } from "./clone/guestIdentity.ts";
import { inFirstBoot, watchFirstBoot } from "./firstBoot/watch.ts";
import { isSsh } from "./forwards/index.ts";
import { hasAddress } from "./guestNetwork.ts";
import { watchLate } from "./late.ts";
import type { Machine } from "./machine.ts";
import { awaitProbe } from "./probes.ts";
import type { Session } from "./session.ts";
import { returnShares } from "./shares/keeper.ts";
import { answersSsh } from "./sshProbe.ts";

const sshProbePausesMs = [100, 250, 500, 1000, 2000] as const;
const sshProbeForMs = 600_000;
const addressPausesMs = [250, 500, 1000, 2000] as const;
const addressForMs = 180_000;
/** A guest that says nothing on its serial console and has no agent may have SSH all the same. */
const sshUnaskedAfterMs = 15_000;

/**
 * Fills in the readiness ladder of this start: marks on the serial console, the agents' ports, the guest's addresses, an
 * SSH greeting, the user's own probes. Each step is written once, in milliseconds since the request. An agent counts
 * without any network. Ready is a guest that has had its first boot, answers by an agent or SSH, and passes each probe.
 */
export function watchReadiness(machine: Machine, session: Session): void {
  session.stopWatching();
  const requested = Date.parse(machine.state.run?.requestedAt ?? new Date().toISOString());
  const ended = new AbortController();
  const write = (name: string, change: (readiness: Readiness, ms: number) => Readiness) => {
    const ms = Math.max(0, Date.now() - requested);
    void machine
      .record((state) => (state.run ? { ...state, run: { ...state.run, readiness: change(state.run.readiness, ms) } } : state), {
        quiet: true,
      })
      .catch(() => undefined);
    machine.host.readiness(machine, name, ms);
    machine.reachedReadiness();
  };
  const current = () => (machine.session === session && !ended.signal.aborted ? machine.state.run : undefined);
  const reached = (step: ReadinessStep) => {
    const run = current();
    if (!run || run.readiness[step] !== undefined || isPast(step, run.readiness)) return;
    write(step, (readiness, ms) => ({ ...readiness, [step]: ms }));
    whenReady();
  };
  const whenReady = () => {
    const run = current();
    if (!run || run.readiness.ready !== undefined || !isReady(machine, run.readiness)) return;
    write("ready", (readiness, ms) => ({ ...readiness, ready: ms }));
  };
  reached("qmp");

  const firstBoot = watchFirstBoot(machine, session, whenReady);
  const readMarks = readinessReader();
  const stopSerial = session.serial.listen((data) => {
    for (const mark of readMarks(data)) onMark(mark);
    firstBoot.console(data);
  });
  const onMark = (mark: ReadinessMark) => {
    if (mark === "ssh") sshCame();
    else reached(mark);
    if (mark === "init") lookForSsh();
  };

  const sshCame = () => {
    reached("network");
    reached("ssh");
    returnShares(machine, session);
    firstBoot.sshCame();
  };
  const lookForSsh = once(() => void probeSsh(machine, session, ended.signal).then((greeted) => greeted && sshCame()));
  const lookForAddress = once(() => void awaitAddress(machine, session, ended.signal).then((found) => found && reached("network")));
  const agentCame = () => {
    // A clone is ready when it is itself.
    void settleIdentity(machine, session).then(() => {
      if (ended.signal.aborted) return;
      reached("agent");
      returnShares(machine, session);
      lookForSsh();
      lookForAddress();
      firstBoot.agentCame();
    });
  };
  const stopAgents = [session.agent.onOpened(agentCame), session.vivAgent.onOpened(agentCame)];
  const stopIdentity = watchIdentity(machine, session, lookForSsh);
  // Nobody tells of a port that was open before this vivd, or of what was opened while memory was loaded.
  void session.vivAgent.find().then((agent) => agent && agentCame());
  const unasked = setTimeout(lookForSsh, sshUnaskedAfterMs);
  unasked.unref();

  const probes = machine.definition?.probes ?? [];
  for (const probe of probes) void watchProbe(machine, session, probe, requested, ended.signal, () => recordProbe(probe));
  const recordProbe = (probe: Probe) => {
    if (current()?.readiness.probes?.[probe.name] !== undefined || !current()) return;
    write(`probe:${probe.name}`, (readiness, ms) => ({ ...readiness, probes: { ...readiness.probes, [probe.name]: ms } }));
    whenReady();
  };
  const stopLate = watchLate(machine, session);
  session.onStopWatching(() => {
    ended.abort();
    clearTimeout(unasked);
    for (const stop of [stopSerial, ...stopAgents, stopIdentity, stopLate]) stop();
  });
}

function isReady(machine: Machine, readiness: Readiness): boolean {
  const answers = readiness.agent !== undefined || readiness.ssh !== undefined;
  const probes = machine.definition?.probes ?? [];
  return answers && !inFirstBoot(machine) && probes.every(({ name }) => readiness.probes?.[name] !== undefined);
}

async function watchProbe(
  machine: Machine,
  session: Session,
  probe: Probe,
  fromMs: number,
  signal: AbortSignal,
  came: () => void,
): Promise<void> {
  if (machine.state.run?.readiness.probes?.[probe.name] !== undefined) return;
  if (await awaitProbe(machine, session, probe, fromMs, signal)) return came();
  if (!signal.aborted)
    machine.host.notice(
      machine,
      "warning",
      `The probe ${probe.name} did not succeed within ${probe.timeoutSeconds} s of the start.`,
      probe.description ?? `See what it asks: viv show ${machine.name}`,
    );
}

function once(run: () => void): () => void {
  let done = false;
  return () => {
    if (!done) run();
    done = true;
  };
}

/** What the kernel prints long after it started is no sign of its start; only the first three steps have an order. */
function isPast(step: ReadinessStep, reached: Readiness): boolean {
  const ordered: readonly ReadinessStep[] = ["firmware", "kernel", "init"];
  const at = ordered.indexOf(step);
  return at >= 0 && ordered.slice(at + 1).some((later) => reached[later] !== undefined);
}

/** Tries the machine's SSH forward with growing pauses until it greets, the signal stops it, or it took too long. */
async function probeSsh(machine: Machine, session: Session, signal: AbortSignal): Promise<boolean> {
  return repeat(sshProbePausesMs, sshProbeForMs, signal, async () => {
    const forward = session.runState === "running" ? sshForward(machine) : undefined;
    return forward !== undefined && (await answersSsh(forward.hostAddress, forward.hostPort, 3000));
  });
}

/** Asks the guest for its addresses until it has one. */
async function awaitAddress(machine: Machine, session: Session, signal: AbortSignal): Promise<boolean> {
  if (machine.state.run?.readiness.network !== undefined || machine.effectiveDefinition?.networks.every(({ mode }) => mode === "none"))
    return false;
  return repeat(addressPausesMs, addressForMs, signal, async () => {
    if (machine.state.run?.readiness.network !== undefined) return true;
    return hasAddress(machine, session, signal).catch(() => false);
  });
}

/** Tries with growing pauses. @returns false when the signal or the time ended it. */
async function repeat(pausesMs: readonly number[], forMs: number, signal: AbortSignal, attempt: () => Promise<boolean>): Promise<boolean> {
  const deadline = Date.now() + forMs;
  for (let count = 0; !signal.aborted && Date.now() < deadline; count += 1) {
    if (await attempt()) return !signal.aborted;
    await new Promise((wake) => setTimeout(wake, pausesMs[Math.min(count, pausesMs.length - 1)]));
  }
  return false;
}

/** The forward to the guest's SSH port, if the machine has one. */
export function sshForward(machine: Machine): { hostAddress: string; hostPort: number } | undefined {
  return machine.state.run?.forwards.find(isSsh);
}
