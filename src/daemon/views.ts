import { stat } from "node:fs/promises";
import type { MachineDetails, MachineSummary, SnapshotView } from "../api/index.ts";
import {
  allocatedBytes,
  currentDisk,
  inFirstBoot,
  inFolder,
  ladderFacts,
  lateStep,
  listSnapshots,
  type Machine,
  pendingChanges,
  readHeader,
} from "../machine/index.ts";
import { type Definition, type Disk, memoryBytes, readinessLadder } from "../model/index.ts";
import { snapshotView } from "./snapshotHandlers.ts";

/** How a machine looks over the API. */
export function summaryOf(machine: Machine): MachineSummary {
  const { status, operation } = machine.view;
  const definition = machine.definition ?? machine.effectiveDefinition;
  return {
    id: machine.id,
    name: machine.name,
    state: status.state,
    status,
    ...(operation ? { operation } : {}),
    wanted: machine.state.wanted,
    accelerator: machine.state.run?.accelerator ?? null,
    ...(definition ? fromDefinition(definition) : {}),
    ...forkOf(machine),
    ...waitsFor(machine),
  };
}

function fromDefinition(definition: Definition): Partial<MachineSummary> {
  return {
    architecture: definition.architecture,
    cpus: definition.cpus,
    memoryBytes: memoryBytes(definition),
    ...(definition.group ? { group: definition.group } : {}),
    ...(definition.image ? { image: definition.image } : {}),
  };
}

function forkOf({ state }: Machine): Pick<MachineSummary, "fork"> {
  const { fork } = state;
  return fork ? { fork: { template: fork.template, templateName: fork.templateName } } : {};
}

function waitsFor(machine: Machine): Pick<MachineSummary, "waitsFor"> {
  const step = lateStep(machine);
  return step ? { waitsFor: { step: step.step, description: step.description, ...(step.hint ? { hint: step.hint } : {}) } } : {};
}

function firstBootOf(machine: Machine): MachineDetails["firstBoot"] {
  const { firstBoot, run } = machine.state;
  if (firstBoot) return { state: "done", at: firstBoot.doneAt, problems: firstBoot.problems };
  if (machine.definition?.firstBoot === undefined) return null;
  return { state: run && inFirstBoot(machine) ? "running" : "pending" };
}

export async function detailsOf(machine: Machine): Promise<MachineDetails> {
  await machine.refreshDefinition();
  const summary = summaryOf(machine);
  const definition = machine.effectiveDefinition;
  const { run, suspended } = machine.state;
  const pending = pendingChanges(machine);
  return {
    ...summary,
    pid: run?.pid ?? null,
    uptimeSeconds: run ? Math.max(0, Math.round((Date.now() - Date.parse(run.startedAt)) / 1000)) : null,
    disks: await Promise.all((definition?.disks ?? []).map((disk) => diskView(machine, disk))),
    cdrom: definition?.cdrom?.file ?? null,
    networks: (definition?.networks ?? []).map((network) => ({
      mode: network.mode,
      ...(network.mode === "segment" ? { network: network.network } : {}),
      model: network.model,
      mac: network.mac,
      linkUp: network.linkUp,
    })),
    forwards: run?.forwards ?? [],
    snapshots: await snapshotViews(machine),
    agent: { connected: machine.session?.agent.connected ?? false },
    readiness: run?.readiness ?? {},
    readinessHistory: machine.state.readinessHistory,
    ladder: readinessLadder(ladderFacts(machine)),
    firstBoot: firstBootOf(machine),
    folder: machine.paths.folder,
    ...(machine.definition?.note ? { note: machine.definition.note } : {}),
    ...(definition ? { firmware: definition.firmware.type, display: definition.display.type } : {}),
    emulated: run?.accelerator === "tcg",
    pendingChanges: pending.map(({ path }) => path),
    pending,
    suspendedBytes: suspended?.bytes ?? null,
  };
}

/** As the guest sees it: the current layer. */
async function diskView(machine: Machine, disk: Disk): Promise<MachineDetails["disks"][number]> {
  const base = { id: disk.id, file: inFolder(machine.paths.folder, disk.file), format: disk.format, bus: disk.bus };
  try {
    const { file, format } = await currentDisk(machine, disk);
    const virtualBytes = format === "raw" ? (await stat(file)).size : (await readHeader(disk, file)).virtualBytes;
    const allocated = await allocatedBytes(file);
    return { ...base, file, format, virtualBytes, ...(allocated === undefined ? {} : { allocatedBytes: allocated }) };
  } catch (error) {
    return { ...base, problem: (error as Error).message };
  }
}

/** A damaged snapshots.json is said by whatever needs it; the machine can still be looked at. */
async function snapshotViews(machine: Machine): Promise<SnapshotView[]> {
  const { snapshots } = await listSnapshots(machine).catch(() => ({ snapshots: [] }));
  return snapshots.map(snapshotView);
}
