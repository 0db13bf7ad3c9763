import { join } from "node:path";
import { readinessLadder, readinessSteps, vivError } from "../model/index.ts";
import { inFirstBoot } from "./firstBoot/watch.ts";
import { ladderFacts, stepAwaited } from "./late.ts";
import type { Machine } from "./machine.ts";
import { sshForward } from "./readiness.ts";
import { answersSsh } from "./sshProbe.ts";
import { readTail } from "./storage.ts";

export const waitConditions = ["running", "agent", "ssh", "ready", "first-boot", "probe:NAME", "stopped", "serial:TEXT"] as const;

/**
 * Waits for a condition by events. @throws VivError `timeout` with the steps reached so far, `wrong-state` when the
 * machine stops while something of a running one is awaited, `usage` for an unknown condition.
 */
export async function waitFor(machine: Machine, condition: string, timeoutMs: number, signal: AbortSignal): Promise<void> {
  const check = conditionCheck(machine, condition);
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    if (await check()) return;
    requirePossible(machine, condition);
    const left = deadline - Date.now();
    if (left <= 0) throw tooLate(machine, condition, timeoutMs);
    await machine.nextChange(Math.min(left, 1000), signal);
  }
}

function conditionCheck(machine: Machine, condition: string): () => Promise<boolean> | boolean {
  if (condition === "running") return () => machine.view.status.state === "running";
  if (condition === "stopped") return () => ["stopped", "failed", "suspended"].includes(machine.view.status.state);
  if (condition === "agent") return () => agentAnswers(machine) && isItself(machine);
  if (condition === "ready") return () => runs(machine) && machine.state.run?.readiness.ready !== undefined;
  if (condition === "first-boot") return () => runs(machine) && !inFirstBoot(machine);
  if (condition === "ssh") {
    return async () => {
      const forward = machine.session?.runState === "running" ? sshForward(machine) : undefined;
      if (!forward) return false;
      return machine.state.run?.readiness.ssh !== undefined || answersSsh(forward.hostAddress, forward.hostPort, 2000);
    };
  }
  if (condition.startsWith("probe:")) {
    const name = condition.slice("probe:".length);
    requireProbe(machine, name);
    return () => runs(machine) && machine.state.run?.readiness.probes?.[name] !== undefined;
  }
  if (condition.startsWith("serial:") && condition.length > "serial:".length) {
    const text = condition.slice("serial:".length);
    const log = join(machine.paths.logs, "serial.log");
    return async () => (await readTail(log, 4 * 1024 * 1024)).includes(text);
  }
  throw vivError("usage", `Nothing to wait for is called “${condition}”.`, `Use one of ${waitConditions.join(", ")}.`);
}

function runs(machine: Machine): boolean {
  return machine.session?.runState === "running";
}

/** Both agents come one after the other, on a busy host far apart; a guest with viv-agent alone answers by that. */
const withoutGuestAgentMs = 20_000;

function agentAnswers({ session }: Machine): boolean {
  if (session?.runState !== "running") return false;
  const since = session.vivAgent.openSince;
  return session.agent.connected || (since !== undefined && Date.now() - since > withoutGuestAgentMs);
}

/** A clone whose agent answers becomes another machine first; where that failed, nobody waits for it. */
function isItself({ state }: Machine): boolean {
  return state.identity === undefined || state.run?.readiness.agent !== undefined;
}

function requireProbe(machine: Machine, name: string): void {
  const names = (machine.definition?.probes ?? []).map((probe) => probe.name);
  if (names.includes(name)) return;
  throw vivError(
    "not-found",
    `${machine.name} has no probe ${JSON.stringify(name)}.`,
    names.length > 0 ? `It has: ${names.join(", ")}.` : `Give it one: viv set ${machine.name} 'probes=[{"name":"web","tcp":80}]'`,
  );
}

function requirePossible(machine: Machine, condition: string): void {
  const { status } = machine.view;
  if (condition === "stopped" || status.state === "running" || status.state === "starting" || status.state === "paused" || machine.busy)
    return;
  const why = status.state === "failed" ? `it failed: ${status.message}` : `it is ${status.state}`;
  throw vivError("wrong-state", `${machine.name} will not reach “${condition}”: ${why}.`, `Start it: viv start ${machine.name}`);
}

/** Which step it stands at, and what to look at. */
function tooLate(machine: Machine, condition: string, timeoutMs: number): Error {
  const readiness = machine.state.run?.readiness ?? {};
  const reached = readinessSteps.flatMap((step) => (readiness[step] === undefined ? [] : [`${step} ${Math.round(readiness[step])} ms`]));
  // A machine that is ready by its agent may still wait for what was asked: SSH, say.
  const asked = readinessLadder(ladderFacts(machine)).find(({ step, state }) => step === condition && state === "waiting");
  const awaited = stepAwaited(machine) ?? asked;
  return vivError(
    "timeout",
    [
      `${machine.name} did not reach “${condition}” within ${timeoutMs / 1000} s.`,
      ...(awaited ? [`It waits for ${awaited.step} (${awaited.description}).`] : []),
      ...(reached.length > 0 ? [`Reached: ${reached.join(", ")}.`] : []),
    ].join(" "),
    awaited?.hint ?? `Look at its console: viv serial ${machine.name}, or viv logs ${machine.name} --serial`,
  );
}
