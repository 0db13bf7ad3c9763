import { setTimeout as sleep } from "node:timers/promises";
import * as z from "zod";
import { asVivError, type Definition, type FirstBootRecord, firstBootWay } from "../../model/index.ts";
import type { Machine } from "../machine.ts";
import { exec } from "../reach.ts";
import type { Session } from "../session.ts";
import { firstBootScript } from "./byAgent.ts";
import { doneMark } from "./cloudConfig.ts";
import { factsOf } from "./files.ts";
import { retireSeed } from "./retire.ts";

/** A first boot may install packages. */
const agentTimeoutMs = 3_600_000;

export interface FirstBootWatch {
  /** What the serial console shows. */
  console(data: Buffer): void;
  /** An agent answers. */
  agentCame(): void;
  /** Somebody can log in. */
  sshCame(): void;
}

const idle: FirstBootWatch = { console: () => undefined, agentCame: () => undefined, sshCame: () => undefined };

/** Follows a guest's first boot to its end: then what it was handed is wiped and taken away, and `onDone` called. */
export function watchFirstBoot(machine: Machine, session: Session, onDone: () => void): FirstBootWatch {
  const definition = machine.state.run?.definition as Definition | undefined;
  const by = definition && firstBootWay(definition);
  if (!definition || by === undefined) return idle;
  if (machine.state.firstBoot !== undefined) {
    // A vivd that died between the two: what is done is taken away.
    void retire(machine, session);
    return idle;
  }
  let ended = false;
  let asking = false;
  let shown = "";
  const finish = (problems: readonly string[]) => {
    if (ended || machine.session !== session) return;
    ended = true;
    void end(machine, session, by, problems).then(onDone);
  };
  const ask = async (question: () => Promise<readonly string[]>) => {
    if (asking || ended) return;
    asking = true;
    try {
      finish(await question());
    } catch {
      // The agent went, or the machine; whoever comes next is asked again.
      asking = false;
    }
  };
  switch (by) {
    case "credentials":
      return { console: () => undefined, agentCame: () => finish([]), sshCame: () => finish([]) };
    case "agent":
      return { console: () => undefined, agentCame: () => void ask(() => setUp(machine, definition)), sshCame: () => undefined };
    case "cloud-init":
      return {
        console: (data) => {
          shown = (shown + data.toString("latin1")).slice(-4 * doneMark.length - data.length);
          // Where an agent answers it knows more: what went wrong.
          if (!asking && shown.includes(doneMark)) finish([]);
        },
        agentCame: () => void ask(() => cloudInitProblems(machine)),
        sshCame: () => undefined,
      };
  }
}

async function end(machine: Machine, session: Session, by: FirstBootRecord["by"], problems: readonly string[]): Promise<void> {
  const kept = problems.slice(0, 20).map((text) => text.slice(0, 500));
  await machine
    .record((state) => ({ ...state, firstBoot: { doneAt: new Date().toISOString(), by, problems: kept } }), { durable: true })
    .catch((error: unknown) => machine.host.notice(machine, "warning", asVivError(error).message));
  if (kept.length > 0)
    machine.host.notice(
      machine,
      "warning",
      `The first boot ended with problems: ${kept.join("; ")}`,
      `Look at its console: viv logs ${machine.name} --serial`,
    );
  await retire(machine, session);
  machine.reachedReadiness();
}

async function retire(machine: Machine, session: Session): Promise<void> {
  await retireSeed(machine, session).catch((error: unknown) => {
    if (machine.session === session)
      machine.host.notice(machine, "warning", `The seed of the first boot stays: ${asVivError(error).message}`);
  });
}

/** @returns what went wrong, in the guest's words. @throws when the agent goes. */
async function setUp(machine: Machine, definition: Definition): Promise<string[]> {
  const script = firstBootScript(await factsOf(machine, definition, false));
  const { stdout } = await inGuest(machine, ["sh", "-s"], Buffer.from(script));
  return stdout
    .split("\n")
    .filter((line) => line.startsWith("problem: "))
    .map((line) => line.slice("problem: ".length));
}

const Result = z.object({ v1: z.object({ datasource: z.string().nullish(), errors: z.array(z.string().max(4000)).max(100) }) });

/** cloud-init writes its result when all its stages are over; a guest without it never would. */
const waitForCloudInit = `
command -v cloud-init >/dev/null 2>&1 || exit 3
until [ -e /run/cloud-init/result.json ]; do
  if [ -e /run/cloud-init/disabled ]; then exit 4; fi
  sleep 0.5
done
cat /run/cloud-init/result.json`;

async function cloudInitProblems(machine: Machine): Promise<string[]> {
  for (;;) {
    const { exitCode, stdout } = await inGuest(machine, ["sh", "-c", waitForCloudInit]);
    if (exitCode === 3) return ["there is no cloud-init in this guest; set firstBoot.by to agent or credentials"];
    if (exitCode === 4) return ["cloud-init is disabled in this guest, or took nothing for its data source"];
    if (exitCode === 0) return Result.parse(JSON.parse(stdout)).v1.errors;
    await sleep(1000);
  }
}

async function inGuest(machine: Machine, command: readonly string[], stdin?: Buffer): Promise<{ exitCode: number; stdout: string }> {
  const { session } = machine;
  const ended = new AbortController();
  session?.onStopWatching(() => ended.abort());
  const way = (await session?.vivAgent.find()) ? "viv-agent" : "agent";
  const result = await exec(machine, {
    command,
    environment: [],
    timeoutMs: agentTimeoutMs,
    way,
    signal: ended.signal,
    ...(stdin ? { stdin } : {}),
  });
  return { exitCode: result.exitCode, stdout: result.stdout.toString("utf8") };
}

/** Is the guest in its first boot? */
export function inFirstBoot(machine: Machine): boolean {
  const definition = machine.state.run?.definition as Definition | undefined;
  return definition?.firstBoot !== undefined && machine.state.firstBoot === undefined;
}
