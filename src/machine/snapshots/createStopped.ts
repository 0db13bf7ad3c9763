import { copyFile, link, stat } from "node:fs/promises";
import { basename, join } from "node:path";
import { type SnapshotRecord, vivError } from "../../model/index.ts";
import type { Machine } from "../machine.ts";
import { syncFile } from "../storage.ts";
import { savedMemory } from "../suspend.ts";
import { type Attempt, keepTpm, makeOverlays, recordFinished, removeOverlays, withOverlays, writableKeys } from "./attempt.ts";

import { frozenInCopy } from "./frozen.ts";

/** Snapshots of a machine that does not run: off, or suspended. */

export async function takeOfStopped(attempt: Attempt): Promise<SnapshotRecord> {
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
    // The memory of the snapshot it was put back to got another name: its inode's time is another.
    const from = suspended?.snapshot === undefined ? [] : [`snapshots/${suspended.snapshot}/memory`];
    const relinked = { ...file, frozen: { ...file.frozen, ...frozenInCopy(machine.paths, machine.paths, file, from) } };
    return await recordFinished(machine, relinked, finished, withOverlays(file.current.layers, overlays));
  } catch (error) {
    await removeOverlays(machine, overlays);
    throw error;
  }
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
