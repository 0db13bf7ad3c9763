import { stat } from "node:fs/promises";
import { basename, join } from "node:path";
import { asVivError, type SnapshotRecord, type SnapshotsFile, vivError } from "../../model/index.ts";
import { diskIo } from "../disks/layout.ts";
import { requireRun } from "../lifecycle.ts";
import type { Session } from "../session.ts";
import { withoutShares } from "../shares/keeper.ts";
import { syncFile } from "../storage.ts";
import { pauseForTest } from "../testPause.ts";
import { type Attempt, keepTpm, makeOverlays, recordFinished, removeOverlays, withOverlays, writableKeys } from "./attempt.ts";
import { memoryBlockers } from "./blockers.ts";
import { layerPath } from "./graph.ts";
import { continueGuest, liveDisks, reconcile, runSteps } from "./live.ts";
import { canSaveToFile, hasMappedRam, saveMemoryLive } from "./memory.ts";
import { closeOverlays, type LiveDisk, type Overlay, openOverlays, putOverlaysOn, usualCapabilities } from "./plan.ts";
import { freezeGuest, type GuestFreeze } from "./quiesce.ts";
import { saveRecords } from "./records.ts";

/** Snapshots of a running machine, with its memory or of its disks alone. */

export function takeLive(attempt: Attempt, session: Session): Promise<SnapshotRecord> {
  if (attempt.request.memory === false) return take(attempt, session, false);
  return withoutShares(attempt.machine, session, async (problems) =>
    take(attempt, session, await choosesMemory(attempt, session, problems)),
  );
}

async function take(attempt: Attempt, session: Session, withMemory: boolean): Promise<SnapshotRecord> {
  const { machine, request, operation, file, graph, record, folder } = attempt;
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
async function choosesMemory({ machine, request }: Attempt, session: Session, sharesThatStay: readonly string[]): Promise<boolean> {
  const reasons = sharesThatStay.length > 0 ? [...sharesThatStay] : await memoryBlockers(machine, session);
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
      await pauseForTest("snapshot", "frozen");
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
