import { randomUUID } from "node:crypto";
import { mkdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import {
  closeFiles,
  copyBelongings,
  dropOwnLayers,
  emptyState,
  flattenMemory,
  hardwareOf,
  linkDisks,
  Machine,
  machinePaths,
  memoryFileOf,
  type Operation,
  type Point,
  pendingIdentity,
  requireMappedMemory,
  saveState,
  syncFile,
  syncFolder,
  templateFiles,
  type Work,
  withPoint,
  writeFileAtomically,
} from "../../machine/index.ts";
import { firstBootAt, memoryBytes, requireMachineName, type TemplateRecord, vivError } from "../../model/index.ts";
import { definitionText } from "../definitions.ts";
import { hiddenPrefixes, type TemplateStore, writeRecord } from "./store.ts";

export interface TemplateRequest {
  readonly name: string;
  readonly note?: string | undefined;
  /** Of a snapshot with memory; absent: of the machine as it is. */
  readonly snapshot?: string | undefined;
  /** Made on the way by a fork. */
  readonly implicit?: boolean;
}

/**
 * Makes a template of a running machine, which goes on (it stands still as for a snapshot), or of a snapshot with memory.
 * A crash leaves the machine as it is; half a template is removed by the next vivd.
 * @throws VivError `exists`, `invalid-name`, `wrong-state`, `host-cannot`, `qemu-too-old`, `disk-full`, `not-found` (snapshot)
 */
export async function makeTemplate(machine: Machine, request: TemplateRequest, store: TemplateStore, work: Work): Promise<TemplateRecord> {
  const name = requireMachineName(request.name);
  requireFree(store, name);
  if (machine.host.platform === "win32")
    throw vivError(
      "host-cannot",
      "Memory cannot be mapped from a file on Windows hosts.",
      "Clone the machine: viv clone NAME NEW --linked",
    );
  if (request.snapshot === undefined && !machine.state.run)
    throw vivError(
      "wrong-state",
      `${machine.name} does not run: a template is of a machine that does.`,
      `Start it and wait for it: viv start ${machine.name} && viv wait ${machine.name} --for ready`,
    );
  if (machine.state.run) requireMappedMemory(machine.state.run.qemuVersion);
  making.add(name);
  try {
    return await withPoint(machine, "template", { snapshot: request.snapshot, linked: true, memory: true }, work, (point, operation) =>
      build(point, request, store, operation),
    );
  } finally {
    making.delete(name);
  }
}

/** Two requests for one name: the second is refused before it does anything. */
const making = new Set<string>();

function requireFree(store: TemplateStore, name: string): void {
  if (!store.has(name) && !making.has(name)) return;
  throw vivError("exists", `There is a template ${name} already.`, `Choose another name, or remove it: viv template rm ${name}`);
}

async function build(point: Point, request: TemplateRequest, store: TemplateStore, operation: Operation): Promise<TemplateRecord> {
  const { machine, record: snapshot } = point;
  const memory = snapshot?.memory;
  const memoryFile = memoryFileOf(point);
  if (!snapshot || !memory || memoryFile === undefined)
    throw vivError(
      "wrong-state",
      `${machine.name}: the snapshot ${snapshot?.name} has no memory.`,
      "Take one of the running machine: viv snapshot create NAME",
    );
  await operation.step("making the template", { record: {} });
  const id = randomUUID();
  const staging = join(store.folder, `${hiddenPrefixes.making}${process.pid}-${id.slice(0, 8)}`);
  const paths = machinePaths(staging);
  const files = templateFiles(staging);
  try {
    await mkdir(staging, { mode: 0o700 });
    await linkDisks(point, paths);
    await copyBelongings(point, paths);
    const definition = { ...point.definition, id, name: request.name };
    await writeFileAtomically(paths.definition, definitionText(definition));
    await saveState(paths, { ...emptyState(), ...firstBootAt(machine.state.firstBoot, snapshot.createdAt) });
    const itself = await Machine.load(store.host, staging);
    await flattenMemory(itself, definition, { ...memory, file: memoryFile }, files, operation);
    await dropOwnLayers(itself, point);
    await operation.step("flushing");
    for (const file of [files.memory, files.state]) await syncFile(file);
    const [toolchain, choice] = await Promise.all([
      machine.host.toolchainById(memory.qemuId),
      machine.host.accelerator({ ...point.definition, accelerator: memory.accelerator }),
    ]);
    const record: TemplateRecord = {
      schema: 1,
      ...{ id, name: request.name, ...(request.note ? { note: request.note } : {}) },
      ...{ createdAt: snapshot.createdAt, lastUsedAt: new Date().toISOString(), implicit: request.implicit ?? false },
      source: { name: machine.name, id: machine.id, ...(request.snapshot === undefined ? {} : { snapshot: snapshot.id }) },
      definition: point.definition,
      memoryBytes: memoryBytes(point.definition),
      ...hardwareOf(point.definition, toolchain, choice),
      loginKeys: (await pendingIdentity(machine, request.name)).loginKeysBefore,
      files: closeFiles(files),
      ...(snapshot.pausedMs === undefined ? {} : { pausedMs: snapshot.pausedMs }),
    };
    await writeRecord(staging, record);
    operation.signal.throwIfAborted();
    await rename(staging, join(store.folder, request.name));
    await syncFolder(store.folder);
    await store.read(request.name);
    return record;
  } catch (error) {
    await rm(staging, { recursive: true, force: true });
    throw error;
  }
}
