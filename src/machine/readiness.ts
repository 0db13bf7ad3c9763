import type { Readiness } from "../model/index.ts";
import { type ReadinessMark, readinessReader } from "../qemu/index.ts";
import { settleIdentity, watchIdentity } from "./clone/guestIdentity.ts";
import { isSsh } from "./forwards.ts";
import type { Machine } from "./machine.ts";
import type { Session } from "./session.ts";
import { answersSsh } from "./sshProbe.ts";

const sshProbePausesMs = [100, 250, 500, 1000, 2000, 5000] as const;
const sshProbeForMs = 180_000;

/**
 * Fills in the readiness ladder of this start: marks on the serial console, the agent's port, an SSH greeting. Each
 * step is written once, in milliseconds since the request. The agent counts without any network.
 */
export function watchReadiness(machine: Machine, session: Session): void {
  const requested = Date.parse(machine.state.run?.requestedAt ?? new Date().toISOString());
  const reached = (step: keyof Readiness) => {
    const run = machine.state.run;
    if (machine.session !== session || !run || run.readiness[step] !== undefined || isPast(step, run.readiness)) return;
    const ms = Math.max(0, Date.now() - requested);
    void machine
      .record((state) => (state.run ? { ...state, run: { ...state.run, readiness: { ...state.run.readiness, [step]: ms } } } : state), {
        quiet: true,
      })
      .catch(() => undefined);
    machine.host.readiness(machine, step, ms);
    machine.reachedReadiness();
  };
  reached("qmp");
  const read = readinessReader();
  session.stopWatching();
  const stopSerial = session.serial.listen((data) => {
    for (const mark of read(data)) {
      reached(mark satisfies ReadinessMark);
      if (mark === "ssh") stopProbe.abort();
    }
  });
  const stopProbe = new AbortController();
  const probe = () => void probeSsh(machine, stopProbe.signal).then((answered) => answered && reached("ssh"));
  const stopAgent = session.agent.onOpened(() => {
    // A clone is ready when it is itself.
    void settleIdentity(machine, session).then(() => {
      reached("agent");
      probe();
    });
  });
  const stopIdentity = watchIdentity(machine, session, probe);
  session.onStopWatching(() => {
    stopSerial();
    stopAgent();
    stopIdentity();
    stopProbe.abort();
  });
}

/** What the kernel prints long after it started is no sign of its start; only the first three steps have an order. */
function isPast(step: keyof Readiness, reached: Readiness): boolean {
  const ordered: readonly (keyof Readiness)[] = ["firmware", "kernel", "init"];
  const at = ordered.indexOf(step);
  return at >= 0 && ordered.slice(at + 1).some((later) => reached[later] !== undefined);
}

/** Tries the machine's SSH forward with growing pauses until it greets, the signal stops it, or it took too long. */
async function probeSsh(machine: Machine, signal: AbortSignal): Promise<boolean> {
  const deadline = Date.now() + sshProbeForMs;
  for (let attempt = 0; !signal.aborted && Date.now() < deadline; attempt += 1) {
    const forward = sshForward(machine);
    if (!forward) return false;
    if (await answersSsh(forward.hostAddress, forward.hostPort, 3000)) return !signal.aborted;
    await new Promise((wake) => setTimeout(wake, sshProbePausesMs[Math.min(attempt, sshProbePausesMs.length - 1)]));
  }
  return false;
}

/** The forward to the guest's SSH port, if the machine has one. */
export function sshForward(machine: Machine): { hostAddress: string; hostPort: number } | undefined {
  return machine.state.run?.forwards.find(isSsh);
}
