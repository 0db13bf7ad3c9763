import { copyFile, cp, link, mkdir, rm, stat } from "node:fs/promises";
import { basename, join } from "node:path";
import { asVivError, type Definition, type LayerMap, type SnapshotRecord, type SnapshotsFile, vivError } from "../../model/index.ts";
import { diskIo } from "../disks/layout.ts";
import type { Work } from "../host.ts";
import { layersOf, loadSnapshots, newLayer, snapshotFolder } from "../layers.ts";
import { requireRun, requireSession } from "../lifecycle.ts";
import type { Machine, Operation } from "../machine.ts";
import { makeQcow2 } from "../newImage.ts";
import type { Session } from "../session.ts";
import { makePrivateFolder, syncFile, syncFolder } from "../storage.ts";
import { savedMemory } from "../suspend.ts";
import { memoryBlockers } from "./blockers.ts";
import { freeze } from "./frozen.ts";
import { backingName, chainProblem, type LayerGraph, layerPath, readGraph } from "./graph.ts";
import { continueGuest, liveDisks, reconcile, runSteps } from "./live.ts";
import { canSaveToFile, hasMappedRam, saveMemoryLive } from "./memory.ts";
import { closeOverlays, type LiveDisk, type Overlay, openOverlays, putOverlaysOn, usualCapabilities } from "./plan.ts";
import { freezeGuest, type GuestFreeze } from "./quiesce.ts";
import { newId, newSuffix, saveRecords } from "./records.ts";
import { shortenChains } from "./shorten.ts";
import { freshName, requireNewName } from "./tree.ts";

export interface SnapshotRequest {
  readonly name?: string | undefined;
  readonly note?: string | undefined;
  /** Absent: when the machine runs and its memory can be saved. */
  readonly memory?: boolean | undefined;
  /** Disks only: absent means when the guest's agent answers. */
  readonly quiesce?: boolean | undefined;
  readonly automatic?: boolean;
  /** The guest does not go on afterwards (a restore ends it). */
  readonly hold?: boolean;
}

/**
 * Takes a snapshot. The disks get a new layer each, and what was the present is frozen. Nothing is renamed, and the
 * record of where the disks are runs *ahead* of QEMU's switch: an empty layer over the running one says the same as the
 * running one alone, so the record is right whoever is killed in between.
 *
 * @throws VivError `exists`, `invalid-name`, `wrong-state`, `host-cannot`, `disk-full`, `agent-unavailable`; the machine
 *   is as it was.
 */
export function createSnapshot(machine: Machine, request: SnapshotRequest, work: Work): Promise<SnapshotRecord> {
  return machine.operate("snapshot", work, async (operation) => {
    const taken = await takeSnapshot(machine, request, operation);
    await shortenChains(machine, operation);
    return taken;
  });
}

export async function takeSnapshot(machine: Machine, request: SnapshotRequest, operation: Operation): Promise<SnapshotRecord> {
  if (!machine.state.run) await machine.refreshDefinition();
  const definition = machine.state.run ? (machine.state.run.definition as Definition) : requireSettled(machine);
  const session = machine.state.run ? requireSession(machine) : undefined;
  await operation.step("preparing", { record: { wasRunning: session?.runState === "running" } });
  const file = session ? await reconcile(machine, session) : await loadSnapshots(machine.paths);
  const name =
    request.name === undefined ? freshName(file, request.automatic ? "before-restore-" : "s") : requireNewName(file, request.name);
  const id = newId();
  const record: SnapshotRecord = {
    id,
    name,
    ...(request.note ? { note: request.note } : {}),
    createdAt: new Date().toISOString(),
    ...(file.current.parent === undefined ? {} : { parent: file.current.parent }),
    consistency: "stopped",
    automatic: request.automatic ?? false,
    definition,
    layers: layersOf(definition, file.current.layers),
  };
  const graph = readGraph(machine.paths, file, definition);
  requireSound(machine, definition, graph, record.layers);
  const attempt: Attempt = { machine, request, operation, definition, file, graph, record, folder: snapshotFolder(machine.paths, id) };
  try {
    await makePrivateFolder(attempt.folder);
    return session ? await takeLive(attempt, session) : await takeOfStopped(attempt);
  } catch (error) {
    await rm(attempt.folder, { recursive: true, force: true }).catch(() => undefined);
    throw error;
  }
}

interface Attempt {
  readonly machine: Machine;
  readonly request: SnapshotRequest;
  readonly operation: Operation;
  readonly definition: Definition;
  readonly file: SnapshotsFile;
  readonly graph: LayerGraph;
  readonly record: SnapshotRecord;
  readonly folder: string;
}

function requireSettled(machine: Machine): Definition {
  // Where the machine is suspended, the guest is what it was then.
  return (machine.state.suspended?.definition as Definition | undefined) ?? machine.requireDefinition();
}

/** Every disk must be there and lie where a layer can be put over it. */
function requireSound(machine: Machine, definition: Definition, graph: LayerGraph, layers: LayerMap): void {
  if (definition.disks.length === 0 && !machine.state.run)
    throw vivError("wrong-state", `${machine.name} has no disk: there is nothing to take a snapshot of.`, "Add one: viv disk add NAME");
  for (const [key, layer] of Object.entries(layers)) {
    // A UEFI machine that never ran has no variables yet.
    if (key.includes(".") && graph.problems.get(layer) === "is missing") {
      delete layers[key];
      continue;
    }
    const problem = chainProblem(graph, layer);
    if (problem) throw vivError("damaged", `${machine.name}: ${problem}.`, "Restore the file from a backup.");
    if (layerPath(machine.paths, layer) === layer && !layer.startsWith(machine.host.homeFolder))
      throw vivError(
        "host-cannot",
        `${machine.name}: disk ${key} lies outside Vivarium's home (${layer}); a snapshot of it could not be kept safe.`,
        "Make a machine of the image (viv import), so that it lies in the machine's folder.",
      );
  }
}

function withOverlays(layers: LayerMap, overlays: readonly { readonly key: string; readonly layer: string }[]): LayerMap {
  return { ...layers, ...Object.fromEntries(overlays.map(({ key, layer }) => [key, layer])) };
}

/** Makes the empty layers, on the platter. On an error none is left. */
async function makeOverlays(attempt: Attempt, keys: readonly string[]): Promise<{ key: string; layer: string; virtualBytes: number }[]> {
  const { machine, record, graph } = attempt;
  await mkdir(machine.paths.layers, { recursive: true, mode: 0o700 });
  const made: { key: string; layer: string; virtualBytes: number }[] = [];
  try {
    for (const key of keys) {
      const below = graph.layers.get(record.layers[key] ?? "");
      if (!below) throw vivError("internal", `${machine.name}: nothing is known of the layer of ${key}.`);
      const layer = newLayer(key, newSuffix());
      const virtualBytes = Math.ceil(below.virtualBytes / 512) * 512;
      const backing = { file: backingName(layer, below.name), format: below.format };
      await makeQcow2(layerPath(machine.paths, layer), { virtualBytes, backing }, { durable: true });
      made.push({ key, layer, virtualBytes });
    }
    await syncFolder(machine.paths.layers);
    return made;
  } catch (error) {
    await removeOverlays(machine, made);
    throw error;
  }
}

async function removeOverlays(machine: Machine, overlays: readonly { readonly layer: string }[]): Promise<void> {
  for (const { layer } of overlays) await rm(layerPath(machine.paths, layer), { force: true }).catch(() => undefined);
}

/** The keys of the disks that get a new layer: read-only ones stay as they are. */
function writableKeys({ definition, record }: Attempt): string[] {
  const readOnly = new Set(definition.disks.filter((disk) => disk.readOnly).map(({ id }) => id));
  return Object.keys(record.layers).filter((key) => !readOnly.has(key));
}

async function takeOfStopped(attempt: Attempt): Promise<SnapshotRecord> {
  const { machine, request, operation, file, record, folder } = attempt;
  const { suspended, failure } = machine.state;
  if (request.quiesce || (request.memory && !suspended))
    throw vivError(
      "wrong-state",
      `${machine.name} is not running: only its disks can be kept.`,
      "Start it first, or take it without that.",
    );
  await operation.step("making layers");
  const overlays = await makeOverlays(attempt, writableKeys(attempt));
  try {
    const memory = suspended && request.memory !== false ? await keepSuspendedMemory(machine, suspended, folder) : undefined;
    const tpm = await keepTpm(attempt);
    const { pausedMs: _none, ...plain } = record;
    const finished: SnapshotRecord = {
      ...plain,
      consistency: memory ? "memory" : suspended || failure ? "crash-consistent" : "stopped",
      ...(memory ? { memory } : {}),
      ...(tpm ? { tpm } : {}),
    };
    await operation.step("recording");
    return await recordFinished(machine, file, finished, withOverlays(file.current.layers, overlays));
  } catch (error) {
    await removeOverlays(machine, overlays);
    throw error;
  }
}

/** The present is frozen, and the snapshot stands. */
async function recordFinished(machine: Machine, file: SnapshotsFile, record: SnapshotRecord, layers: LayerMap): Promise<SnapshotRecord> {
  const names = [...Object.values(record.layers), ...(record.memory ? [record.memory.file] : [])];
  const frozen = await freeze(
    machine.paths,
    names.filter((name) => layerPath(machine.paths, name) !== name),
  );
  await syncFolder(snapshotFolder(machine.paths, record.id));
  if (await stat(machine.paths.snapshots).catch(() => undefined)) await syncFolder(machine.paths.snapshots);
  await saveRecords(machine, {
    ...file,
    snapshots: [...file.snapshots, record],
    current: { parent: record.id, layers },
    frozen: { ...file.frozen, ...frozen },
  });
  return record;
}

/** A suspended machine's memory is a snapshot's already: the file gets a second name (where it cannot, a copy). */
async function keepSuspendedMemory(
  machine: Machine,
  suspended: NonNullable<Machine["state"]["suspended"]>,
  folder: string,
): Promise<NonNullable<SnapshotRecord["memory"]>> {
  const from = savedMemory(machine);
  const found = await stat(from).catch(() => undefined);
  if (found?.size !== suspended.bytes)
    throw vivError(
      "damaged",
      `${machine.name}: its saved memory (${from}) is missing or not whole.`,
      "Take the snapshot without it: --no-memory",
    );
  const to = join(folder, "memory");
  await link(from, to).catch(() => copyFile(from, to));
  await syncFile(to).catch(() => undefined);
  return {
    file: `snapshots/${basename(folder)}/memory`,
    bytes: suspended.bytes,
    mappedRam: suspended.mappedRam ?? false,
    qemuId: suspended.qemuId,
    qemuVersion: suspended.qemuVersion ?? "unknown",
    accelerator: suspended.accelerator,
  };
}

/** The TPM's state, as swtpm left it in the machine's folder. It replaces its files whole. */
async function keepTpm({ machine, definition, folder }: Attempt): Promise<string | undefined> {
  if (!definition.devices.tpm) return undefined;
  const from = join(machine.paths.folder, "tpm");
  if (!(await stat(from).catch(() => undefined))) return undefined;
  await cp(from, join(folder, "tpm"), { recursive: true, filter: (name) => !basename(name).startsWith(".lock") });
  return `snapshots/${basename(folder)}/tpm`;
}

async function takeLive(attempt: Attempt, session: Session): Promise<SnapshotRecord> {
  const { machine, request, operation, file, graph, record, folder } = attempt;
  const withMemory = await choosesMemory(attempt, session);
  const keys = new Set(writableKeys(attempt));
  const disks = (await liveDisks(machine, session, file, graph)).filter(({ key }) => keys.has(key));
  const thumbnail = await keepThumbnail(attempt, session);
  const made = await makeOverlays(
    attempt,
    disks.map(({ key }) => key),
  );
  const overlays = made.map(({ key, layer, virtualBytes }): Overlay => {
    const disk = disks.find((each) => each.key === key) as LiveDisk;
    return { disk, layer, file: layerPath(machine.paths, layer), virtualBytes };
  });
  const live: Live = {
    attempt,
    session,
    overlays,
    wasRunning: session.runState === "running",
    switched: false,
    pause: watchPause(session),
  };
  try {
    await runSteps(session, openOverlays(overlays, { platform: machine.host.platform, diskIo }));
    await saveRecords(machine, { ...file, current: { ...file.current, layers: withOverlays(file.current.layers, made) } });
    const consistency = withMemory ? await switchWithMemory(live) : await switchDisks(live);
    const memory = withMemory ? await memoryRecord(live, folder) : undefined;
    await operation.step("recording");
    const { pausedMs } = live.pause;
    const tpm = live.tpm;
    return await recordFinished(
      machine,
      file,
      {
        ...record,
        consistency,
        ...(memory ? { memory } : {}),
        ...(thumbnail ? { thumbnail } : {}),
        ...(tpm ? { tpm } : {}),
        ...(pausedMs === undefined ? {} : { pausedMs }),
      },
      withOverlays(file.current.layers, made),
    );
  } catch (error) {
    await undoLive(live, file);
    throw error;
  } finally {
    live.pause.dispose();
    if (request.hold !== true && live.wasRunning) await goOn(live);
  }
}

interface Live {
  readonly attempt: Attempt;
  readonly session: Session;
  readonly overlays: readonly Overlay[];
  readonly wasRunning: boolean;
  /** QEMU was told to write to the overlays; from here they are the present. */
  switched: boolean;
  tpm?: string;
  readonly pause: PauseWatch;
}

/** With memory, or why not. @throws VivError `host-cannot` when it was asked for and cannot be. */
async function choosesMemory({ machine, request }: Attempt, session: Session): Promise<boolean> {
  if (request.memory === false) return false;
  const reasons = await memoryBlockers(machine, session);
  if (!canSaveToFile(session)) reasons.push("this QEMU is older than 8.2 and cannot save memory to a file");
  if (reasons.length === 0) return true;
  const why = reasons.join("; ");
  if (request.memory)
    throw vivError(
      "host-cannot",
      `${machine.name}: its memory cannot be saved now: ${why}.`,
      `Take a snapshot of its disks alone: viv snapshot create ${machine.name} --no-memory`,
    );
  machine.host.notice(machine, "warning", `The snapshot is of the disks alone, because memory cannot be saved now: ${why}.`);
  return false;
}

async function keepThumbnail({ machine, definition, folder }: Attempt, session: Session): Promise<string | undefined> {
  if (definition.display.type === "none") return undefined;
  const taken = await session.qmp.execute("screendump", { filename: join(folder, "screen.png"), format: "png" }).then(
    () => true,
    () => false,
  );
  if (!taken) machine.host.notice(machine, "info", "The snapshot has no picture of the screen: QEMU gave none.");
  return taken ? `snapshots/${basename(folder)}/screen.png` : undefined;
}

async function switchOver(live: Live): Promise<void> {
  live.switched = live.overlays.length > 0;
  if (live.switched) await runSteps(live.session, [putOverlaysOn(live.overlays)]);
  const tpm = await keepTpm(live.attempt);
  if (tpm) live.tpm = tpm;
}

async function switchWithMemory(live: Live): Promise<"memory"> {
  const { attempt, session } = live;
  const { machine, operation, folder } = attempt;
  const { wasRunning } = live;
  await operation.step("saving memory", { percent: 0, record: { wasRunning } });
  await saveMemoryLive(
    session,
    {
      file: join(folder, "memory"),
      mappedRam: hasMappedRam(session),
      atSwitchover: () => switchOver(live),
      onStoppedEarly: () =>
        machine.host.notice(
          machine,
          "warning",
          "The guest writes its memory faster than the disk takes it: it is paused until the snapshot is taken.",
        ),
    },
    operation,
  );
  await goOn(live);
  await runSteps(session, [usualCapabilities(hasMappedRam(session))]);
  await operation.step("flushing", { record: { wasRunning } });
  await syncFile(join(folder, "memory"));
  return "memory";
}

/**
 * The guest runs on. After its memory was saved QEMU has put its images down, and only `cont` takes them up again: one
 * that was paused runs for the moment between the two commands.
 */
async function goOn({ session, wasRunning, attempt }: Live): Promise<void> {
  if (attempt.request.hold) return;
  // Asked for in any case: the run state we know may be of the moment before. A guest that runs does not mind.
  if (wasRunning) return continueGuest(session);
  const { status } = await session.qmp.execute("query-status");
  if (status !== "postmigrate" && status !== "finish-migrate") return;
  await continueGuest(session);
  await session.qmp.execute("stop");
}

async function switchDisks(live: Live): Promise<"quiesced" | "crash-consistent"> {
  const { attempt, session } = live;
  const { machine, operation, request } = attempt;
  const { wasRunning } = live;
  const wanted = wasRunning ? (request.quiesce ?? session.agent.connected) : false;
  if (request.quiesce && !wasRunning)
    throw vivError("wrong-state", `${machine.name} is paused: its file systems cannot be quiesced.`, "Resume it first.");
  let frozen: GuestFreeze | undefined;
  await operation.step("switching the disks", { record: { wasRunning, quiesced: wanted } });
  try {
    if (wanted) {
      frozen = await freezeGuest(session).catch((error: unknown) => {
        if (request.quiesce) throw error;
        machine.host.notice(machine, "info", `The snapshot is as after a power cut: ${asVivError(error).message}`);
        return undefined;
      });
    }
    await switchOver(live);
  } finally {
    await frozen?.thaw();
  }
  if (frozen?.thawedEarly)
    machine.host.notice(machine, "warning", "The guest was thawed before the disks were switched: the snapshot is as after a power cut.");
  return frozen && !frozen.thawedEarly ? "quiesced" : "crash-consistent";
}

async function memoryRecord(live: Live, folder: string): Promise<NonNullable<SnapshotRecord["memory"]>> {
  const { machine } = live.attempt;
  const run = requireRun(machine);
  const { size } = await stat(join(folder, "memory"));
  return {
    file: `snapshots/${basename(folder)}/memory`,
    bytes: size,
    mappedRam: hasMappedRam(live.session),
    qemuId: run.qemuId,
    qemuVersion: run.qemuVersion,
    accelerator: run.accelerator,
  };
}

/**
 * The machine as it was. Layers that QEMU has switched to stay, also when it died: what the guest wrote since may be in
 * them. Ones it never got are removed, once the record no longer names them.
 */
async function undoLive(live: Live, before: SnapshotsFile): Promise<void> {
  const { attempt, session, overlays } = live;
  const { machine } = attempt;
  if (live.switched) {
    if (machine.session === session) await reconcile(machine, session).catch(() => undefined);
    return;
  }
  await runSteps(session, closeOverlays(overlays)).catch(() => undefined);
  const recorded = await saveRecords(machine, before).then(
    () => true,
    () => false,
  );
  if (recorded) await removeOverlays(machine, overlays);
}

interface PauseWatch {
  readonly pausedMs: number | undefined;
  dispose(): void;
}

/** How long the guest stood still, by QEMU's own times. */
function watchPause(session: Session): PauseWatch {
  let stoppedAt: number | undefined;
  let pausedMs: number | undefined;
  const listening = [
    session.qmp.on("STOP", (_data, event) => {
      stoppedAt = event.at;
    }),
    session.qmp.on("RESUME", (_data, event) => {
      if (stoppedAt !== undefined) pausedMs = Math.round((event.at - stoppedAt) * 10) / 10;
    }),
  ];
  return {
    get pausedMs() {
      return pausedMs;
    },
    dispose: () => {
      for (const each of listening) each.dispose();
    },
  };
}
