import { asVivError, vivError } from "../../model/index.ts";
import { sync } from "../../sync/index.ts";
import type { LifecycleName, Plan } from "../file/index.ts";
import { openCommand } from "./command.ts";
import { type Beside, runLifecycle } from "./lifecycle.ts";
import { canBeWarm, forkWarm, hasTemplate, keepWarm, removeTemplates, templateName } from "./warm.ts";
import type { RunWork } from "./work.ts";

/** As long as a guest may take to answer. */
const bootPatienceMs = 600_000;

/** Makes a machine of the plan; it does not run yet. Its image is here. */
export async function makeMachine(work: RunWork, plan: Plan, name: string): Promise<void> {
  const client = await work.connect();
  await client.call(
    "machine.create",
    {
      name,
      image: plan.image,
      ...(plan.architecture === undefined ? {} : { architecture: plan.architecture }),
      ...(plan.cpus === undefined ? {} : { cpus: plan.cpus }),
      ...(plan.memory === undefined ? {} : { memory: plan.memory }),
      ...(plan.disk === undefined ? {} : { disk: plan.disk }),
      networks: [
        plan.network === "none"
          ? { mode: "none" }
          : {
              mode: "nat",
              forwards: plan.forwards.map(({ guestPort, hostPort }) => ({ guestPort, ...(hostPort === undefined ? {} : { hostPort }) })),
            },
      ],
      set: ["group=Test machines"],
    },
    { signal: work.signal, onProgress: work.onProgress },
  );
}

/** Starts a machine and waits until its guest can be worked in. */
export async function startMachine(work: RunWork, name: string): Promise<void> {
  const client = await work.connect();
  const options = { signal: work.signal, onProgress: work.onProgress };
  await client.call("machine.start", { machine: name }, options);
  await client.call("machine.wait", { machine: name, for: "ready", timeoutMs: bootPatienceMs }, options);
  await vivAgentThere(work, name);
}

/** From a machine that stands still to one with the workspace, the lifecycle commands from `first` on. */
export async function makeReady(work: RunWork, plan: Plan, name: string, first: LifecycleName): Promise<Beside> {
  await startMachine(work, name);
  await bringWorkspace(work, plan, name);
  return runLifecycle(work, plan, name, first);
}

/**
 * A machine of the plan in which the tests can begin: a fork of the warm template where there is one, else made anew, with
 * a template left for the next run. `cold`: made anew in any case.
 */
export async function readyMachine(work: RunWork, plan: Plan, name: string, cold: boolean): Promise<Beside> {
  const template = canBeWarm(plan) ? await templateName(work, plan) : undefined;
  if (template !== undefined && !cold && (await hasTemplate(work, template))) {
    await forkWarm(work, template, name);
    await bringWorkspace(work, plan, name);
    return runLifecycle(work, plan, name, "postStartCommand");
  }
  if (template !== undefined && cold) await removeTemplates(await work.connect(), template);
  await makeMachine(work, plan, name);
  if (template === undefined) return makeReady(work, plan, name, "onCreateCommand");
  await startMachine(work, name);
  await bringWorkspace(work, plan, name);
  const once = plan.steps.filter((step) => step.name !== "postStartCommand");
  await runLifecycle(work, { ...plan, steps: once, waitFor: "postCreateCommand" }, name, "onCreateCommand");
  await keepWarm(work, plan, name, template);
  return runLifecycle(work, plan, name, "postStartCommand");
}

/** Streams and sync need viv-agent: an image without it gets it. */
async function vivAgentThere(work: RunWork, machine: string): Promise<void> {
  const client = await work.connect();
  const patience = Date.now() + 10_000;
  for (;;) {
    const status = await client.call("guest.agentStatus", { machine }, { signal: work.signal });
    if (status.installed) return;
    // It may come a moment after the other agent.
    if (Date.now() > patience) break;
    await new Promise((wake) => setTimeout(wake, 100));
    if (work.signal.aborted) throw vivError("cancelled", "Cancelled.");
  }
  await client.call("guest.installAgent", { machine }, { signal: work.signal, onProgress: work.onProgress });
}

/** The folder in the guest, without reports of earlier runs. */
export async function bringWorkspace(work: RunWork, plan: Plan, machine: string): Promise<void> {
  if (plan.workspaceMount === "none") return;
  work.onProgress({ kind: "test", step: "bringing the workspace" });
  const folder = plan.workspaceFolder;
  const script = plan.user === undefined ? 'mkdir -p "$1"' : '[ -d "$1" ] || { mkdir -p "$1" && chown "$2" "$1"; }';
  await runQuietly(work, machine, ["/bin/sh", "-c", script, "sh", folder, plan.user ?? ""]);
  const synced = await sync({ client: await work.connect(), home: work.home, signal: work.signal }, syncRequest(plan, machine));
  for (const { path, reason } of synced.leftOut.slice(0, 10)) work.onNote(`left out: ${path}: ${reason}`);
}

/** What the tests are to write is no input of theirs: an old report would pass for a new one. */
export function syncRequest(plan: Plan, machine: string): { folder: string; machine: string; path: string; exclude: string[] } {
  const reports = [...(plan.tests?.junit ?? []), ...(plan.tests?.tap === undefined || plan.tests.tap === "-" ? [] : [plan.tests.tap])];
  return {
    folder: plan.folder,
    machine,
    path: plan.workspaceFolder,
    exclude: reports.map((path) => `/${path.replace(/([[\]*?!\\# ])/g, "\\$1")}`),
  };
}

/** A step of our own, whose output is nobody's. @throws VivError `failed` with what it said. */
export async function runQuietly(work: RunWork, machine: string, command: string[]): Promise<void> {
  const session = await openCommand(work, machine, { command });
  session.stdin.end();
  const said: Buffer[] = [];
  session.stdout.resume();
  session.stderr.on("data", (chunk: Buffer) => said.push(chunk));
  const { exitCode } = await session.exit;
  if (exitCode !== 0) throw vivError("failed", `${command.join(" ")}: ${Buffer.concat(said).toString("utf8").trim()}`);
}

/** Whether the machine or the service failed, not what ran in it: such a run is tried once more. */
export function isInfrastructure(error: unknown): boolean {
  return infrastructure.has(asVivError(error).code);
}

const infrastructure: ReadonlySet<string> = new Set([
  "agent-unavailable",
  "agent-failed",
  "qemu-crashed",
  "qemu-lost",
  "not-responding",
  "daemon-unavailable",
]);
