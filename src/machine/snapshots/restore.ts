import { readdirSync } from "node:fs";
import { chmod, cp, mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import {
  checkDefinition,
  type Definition,
  describeProblems,
  firstBootAt,
  type LayerMap,
  type SnapshotRecord,
  type SnapshotsFile,
  type StateFile,
  vivError,
} from "../../model/index.ts";
import { emptyQcow2 } from "../../qemu/index.ts";
import { editDefinition } from "../folder.ts";
import type { Work } from "../host.ts";
import { layersOf, loadSnapshots, newLayer } from "../layers.ts";
import { start } from "../lifecycle.ts";
import type { Machine, Operation } from "../machine.ts";
import { makeQcow2 } from "../newImage.ts";
import { killProcess, waitGone } from "../processEnd.ts";
import { requireCapacity, requireMedia } from "../requirements.ts";
import { keepHistory } from "../sessionEvents.ts";
import { syncFolder, writeFileAtomically } from "../storage.ts";
import { problemWithContent } from "./check.ts";
import { takeSnapshot } from "./create.ts";
import { backingName, type LayerGraph, layerPath, readGraph } from "./graph.ts";
import { continueGuest } from "./live.ts";
import { newSuffix, reserveName, saveRecords, sweep } from "./records.ts";
import { findSnapshot, visible } from "./tree.ts";

export interface RestoreRequest {
  readonly snapshot: string;
  /** Keep the present in an automatic snapshot first. */
  readonly safety: boolean;
  /** Absent: when the snapshot has memory, or the machine runs. */
  readonly start?: boolean | undefined;
}

/** What of the present's definition a restore leaves alone: whose machine it is, and what people call and say of it. */
const keptKeys = new Set(["$schema", "schema", "id", "name", "architecture", "group", "note", "image", "firstBoot", "probes"]);

/**
 * Puts a machine back to a snapshot: its disks get new layers over the frozen ones, vm.json says again what it said then,
 * and with memory the machine becomes one that is suspended in the snapshot's memory, which is then woken. So from the
 * switch on every crash leaves it restored, and before it every crash leaves the present.
 *
 * @returns the name of the snapshot that keeps the present; undefined when there was nothing to keep.
 * @throws VivError `not-found`; `damaged`, `host-cannot`, `disk-full` before anything is changed.
 */
export async function restoreSnapshot(machine: Machine, request: RestoreRequest, work: Work): Promise<string | undefined> {
  const { safety, startNow } = await machine.operate("restore", work, (operation) => putBack(machine, request, operation));
  if (startNow) await start(machine, work);
  return safety;
}

async function putBack(
  machine: Machine,
  request: RestoreRequest,
  operation: Operation,
): Promise<{ safety: string | undefined; startNow: boolean }> {
  const wasRunning = machine.state.run !== undefined;
  await machine.refreshDefinition();
  machine.requireDefinition();
  const guestRan = machine.session?.runState === "running";
  await operation.step("checking", { record: { wasRunning: guestRan } });
  const before = await loadSnapshots(machine.paths);
  const record = findSnapshot(before, request.snapshot);
  const startNow = request.start ?? (record.memory !== undefined || wasRunning);
  const definition = await requireRestorable(machine, before, record, startNow, operation);
  const safety = request.safety && !(await nothingToKeep(machine, before)) ? await keepPresent(machine, operation) : undefined;
  const file = await loadSnapshots(machine.paths);
  await operation.step("making layers");
  const layers = await makeLayers(machine, file, record, definition);
  const reserve = join(machine.paths.layers, reserveName);
  try {
    // Room for the records of the switch, so that a full disk is met here and not in the middle.
    await writeFile(reserve, Buffer.alloc(reserveBytes), { mode: 0o600 });
    operation.signal.throwIfAborted();
    await operation.step("ending QEMU", { record: { target: record.id, wasRunning: guestRan } });
    await endQemu(machine);
    await rm(reserve, { force: true });
    await operation.step("switching", { record: { target: record.id, layers } });
  } catch (error) {
    await rm(reserve, { force: true }).catch(() => undefined);
    for (const layer of newOnes(layers, record)) await rm(layerPath(machine.paths, layer), { force: true });
    await letGoOn(machine);
    throw error;
  }
  await finishSwitch(machine, record.id, layers);
  return { safety, startNow };
}

const reserveBytes = 1024 ** 2;

async function keepPresent(machine: Machine, operation: Operation): Promise<string> {
  return (await takeSnapshot(machine, { automatic: true, hold: true }, operation)).name;
}

/** A guest that was held for its snapshot, and is not ended after all. */
async function letGoOn(machine: Machine): Promise<void> {
  const data = machine.state.operation?.data;
  if (machine.session && data?.["wasRunning"] === true) await continueGuest(machine.session);
}

/** Everything that could be in the way is found before anything changes. */
async function requireRestorable(
  machine: Machine,
  file: SnapshotsFile,
  record: SnapshotRecord,
  startNow: boolean,
  operation: Operation,
): Promise<Definition> {
  const checked = checkDefinition(record.definition);
  const hint = "Nothing was changed.";
  if ("problems" in checked)
    throw vivError(
      "damaged",
      `${machine.name}: the definition in snapshot ${record.name} cannot be used: ${describeProblems(checked.problems)}.`,
      hint,
    );
  const graph = readGraph(machine.paths, file, checked.definition);
  const problem = await problemWithContent(machine, file, graph, record, operation);
  if (problem)
    throw vivError(
      "damaged",
      `${machine.name} cannot be put back to ${record.name}: ${problem}.`,
      `Nothing was changed. \`viv snapshot check ${machine.name} ${record.name}\` says which files are right; bring the others back from a backup.`,
    );
  const definition = merged(machine.requireDefinition(), checked.definition);
  if (!startNow) return definition;
  requireCapacity(machine, definition);
  await requireMedia(machine, definition);
  if (record.memory) {
    await machine.host.toolchainById(record.memory.qemuId);
    await machine.host.accelerator({ ...definition, accelerator: record.memory.accelerator });
  }
  return definition;
}

/** The snapshot's definition with what a restore leaves alone. */
function merged(present: Definition, past: Definition): Definition {
  const kept = Object.fromEntries(Object.entries(present).filter(([key]) => keptKeys.has(key)));
  const others = Object.fromEntries(Object.entries(past).filter(([key]) => !keptKeys.has(key)));
  const checked = checkDefinition({ ...others, ...kept });
  if ("problems" in checked) throw vivError("invalid-definition", `vm.json would be invalid: ${describeProblems(checked.problems)}.`);
  return checked.definition;
}

/** A machine that was put back and has not run since is its snapshot: there is nothing to lose. */
async function nothingToKeep(machine: Machine, file: SnapshotsFile): Promise<boolean> {
  const { run, failure, suspended } = machine.state;
  const parent = visible(file).find(({ id }) => id === file.current.parent);
  if (run || failure || !parent || (suspended && suspended.snapshot !== parent.id)) return false;
  const past = checkDefinition(parent.definition);
  if (!("definition" in past) || !isDeepStrictEqual(merged(machine.requireDefinition(), past.definition), machine.requireDefinition()))
    return false;
  const graph = readGraph(machine.paths, file, machine.definition);
  return Object.values(layersOf(machine.requireDefinition(), file.current.layers)).every((name) => isEmpty(graph, name, parent.layers));
}

/** No cluster was ever written: the file is as long as it was made. */
function isEmpty(graph: LayerGraph, name: string, below: LayerMap): boolean {
  const layer = graph.layers.get(name);
  if (!layer || layer.format === "raw") return Object.values(below).includes(name);
  if (layer.backing?.layer === undefined || !Object.values(below).includes(layer.backing.layer)) return Object.values(below).includes(name);
  const fresh = emptyQcow2({ virtualBytes: layer.virtualBytes, backing: { file: layer.backing.written, format: layer.backing.format } });
  return layer.fileBytes <= fresh.length;
}

/** New layers over the snapshot's; read-only disks need none. */
async function makeLayers(machine: Machine, file: SnapshotsFile, record: SnapshotRecord, definition: Definition): Promise<LayerMap> {
  const graph = readGraph(machine.paths, file, definition);
  const readOnly = new Set(definition.disks.filter((disk) => disk.readOnly).map(({ id }) => id));
  await mkdir(machine.paths.layers, { recursive: true, mode: 0o700 });
  const layers: LayerMap = {};
  try {
    for (const [key, below] of Object.entries(record.layers)) {
      const frozen = graph.layers.get(below);
      if (readOnly.has(key) || !frozen) {
        layers[key] = below;
        continue;
      }
      const layer = newLayer(key, newSuffix());
      const backing = { file: backingName(layer, below), format: frozen.format };
      await makeQcow2(
        layerPath(machine.paths, layer),
        { virtualBytes: Math.ceil(frozen.virtualBytes / 512) * 512, backing },
        { durable: true },
      );
      layers[key] = layer;
    }
    await syncFolder(machine.paths.layers);
    return layers;
  } catch (error) {
    for (const layer of newOnes(layers, record)) await rm(layerPath(machine.paths, layer), { force: true });
    throw error;
  }
}

function newOnes(layers: LayerMap, record: SnapshotRecord): string[] {
  const old = new Set(Object.values(record.layers));
  return Object.values(layers).filter((layer) => !old.has(layer));
}

/** The end of the process is what is wanted: nobody else shall make a failure of it. */
async function endQemu(machine: Machine): Promise<void> {
  const { session, state } = machine;
  const { run } = state;
  if (!run) return;
  machine.session = undefined;
  await session?.qmp.execute("quit", {}, { timeoutMs: 5000 }).catch(() => undefined);
  if (!(await waitGone(run, 5000)) && !(await killProcess(run, 10_000)))
    throw vivError("failed", `${machine.name}: process ${run.pid} does not go away.`, "It may hang in the host's kernel; look at `dmesg`.");
  session?.dispose();
  await machine.record(({ run: ended, ...rest }) => ({
    ...rest,
    wanted: "stopped",
    ...keepHistory(ended?.readiness, ended?.forwards, rest),
  }));
}

/**
 * From here there is no way back, and every step can be done again: the next vivd does so after a crash. The definition
 * comes first and the record of the layers after it, since a machine is started by both.
 */
export async function finishSwitch(machine: Machine, target: string, layers: LayerMap): Promise<void> {
  const file = await loadSnapshots(machine.paths);
  const record = findSnapshot(file, target);
  const checked = checkDefinition(record.definition);
  if ("problems" in checked) throw vivError("damaged", `${machine.name}: the definition in snapshot ${record.name} cannot be used.`);
  await writeDefinition(machine, checked.definition);
  if (record.tpm) {
    const tpm = join(machine.paths.folder, "tpm");
    await rm(tpm, { recursive: true, force: true });
    await cp(layerPath(machine.paths, record.tpm), tpm, { recursive: true });
    for (const name of readdirSync(tpm)) await chmod(join(tpm, name), 0o600);
  }
  const next = await saveRecords(machine, { ...file, current: { parent: record.id, layers } });
  await machine.record((state) => suspendedIn(machine, state, record), { durable: true });
  await rm(machine.paths.suspend, { recursive: true, force: true });
  await sweep(machine, next);
}

async function writeDefinition(machine: Machine, past: Definition): Promise<void> {
  await machine.reloadDefinition();
  const present = machine.requireDefinition();
  const wanted = merged(present, past);
  const keys = new Set([...Object.keys(present), ...Object.keys(wanted)]) as Set<keyof Definition>;
  const edits = [...keys]
    .filter((key) => !isDeepStrictEqual(present[key], wanted[key]))
    .map((key) => ({ path: [key], value: wanted[key] }));
  if (edits.length === 0 || machine.definitionText === undefined) return;
  await writeFileAtomically(machine.paths.definition, editDefinition(machine.definitionText, edits), { durable: true });
  await machine.reloadDefinition();
}

/** With memory: suspended in it, until it is woken or killed. The file stays the snapshot's. */
function suspendedIn(machine: Machine, state: StateFile, record: SnapshotRecord): StateFile {
  const { suspended: _old, failure: _failure, firstBoot, ...others } = state;
  const { memory } = record;
  const rest = { ...others, ...firstBootAt(firstBoot, record.createdAt) };
  if (!memory) return { ...rest, wanted: "stopped" };
  return {
    ...rest,
    wanted: "suspended",
    suspended: {
      file: layerPath(machine.paths, memory.file),
      at: record.createdAt,
      qemuId: memory.qemuId,
      qemuVersion: memory.qemuVersion,
      accelerator: memory.accelerator,
      bytes: memory.bytes,
      mappedRam: memory.mappedRam,
      // The memory knows the seed of a first boot, or that it is gone.
      definition: { ...withoutFirstBoot(machine.requireDefinition()), ...pickFirstBoot(record.definition) },
      snapshot: record.id,
    },
  };
}

function withoutFirstBoot({ firstBoot: _present, ...definition }: Definition): Definition {
  return definition;
}

function pickFirstBoot(past: unknown): Pick<Definition, "firstBoot"> {
  const checked = checkDefinition(past);
  return "definition" in checked && checked.definition.firstBoot ? { firstBoot: checked.definition.firstBoot } : {};
}
