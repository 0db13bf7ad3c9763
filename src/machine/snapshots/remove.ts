import type { SnapshotRecord, SnapshotsFile } from "../../model/index.ts";
import type { Work } from "../host.ts";
import { loadSnapshots } from "../layers.ts";
import type { Machine, Operation } from "../machine.ts";
import { listSnapshots } from "./list.ts";
import { mergeLayers } from "./merge.ts";
import { saveRecords, sweep } from "./records.ts";
import { dropRootImages } from "./rootImages.ts";
import { branchOf, findSnapshot, requireNewName } from "./tree.ts";

/**
 * Removing marks a snapshot: it is out of sight at once and can come back. Emptying deletes what is marked for good:
 * the records go first, then the files that nobody needs any more, then layers are merged.
 */
export interface Removal {
  readonly removed: readonly string[];
  readonly freedBytes: number;
  readonly reclaimableBytes: number;
}

export function removeSnapshot(
  machine: Machine,
  { snapshot, branch, now }: { readonly snapshot: string; readonly branch: boolean; readonly now: boolean },
  work: Work,
): Promise<Removal> {
  return machine.operate("merge", work, async (operation) => {
    const file = await loadSnapshots(machine.paths);
    const found = findSnapshot(file, snapshot);
    const chosen = (branch ? branchOf(file, found.id) : [found]).filter((each) => each.removedAt === undefined);
    const ids = new Set(chosen.map(({ id }) => id));
    const removedAt = new Date().toISOString();
    await operation.step("removing", { record: { snapshots: [...ids] } });
    await saveRecords(machine, { ...file, snapshots: file.snapshots.map((each) => (ids.has(each.id) ? { ...each, removedAt } : each)) });
    const freedBytes = now ? await emptyThem(machine, (each) => ids.has(each.id), operation) : 0;
    const { removedBytes } = await listSnapshots(machine);
    return { removed: chosen.map(({ name }) => name), freedBytes, reclaimableBytes: removedBytes };
  });
}

export function restoreRemovedSnapshot(machine: Machine, snapshot: string, work: Work): Promise<SnapshotRecord> {
  return machine.operate("merge", work, async () => {
    const file = await loadSnapshots(machine.paths);
    const { removedAt: _removed, ...back } = findSnapshot(file, snapshot, { removed: true });
    requireNewName(file, back.name, back.id);
    await saveRecords(machine, { ...file, snapshots: file.snapshots.map((each) => (each.id === back.id ? back : each)) });
    return back;
  });
}

/** @returns bytes of the host that came free. */
export function emptySnapshots(machine: Machine, work: Work): Promise<number> {
  return machine.operate("merge", work, (operation) => emptyThem(machine, (each) => each.removedAt !== undefined, operation));
}

async function emptyThem(machine: Machine, goes: (record: SnapshotRecord) => boolean, operation: Operation): Promise<number> {
  const file = await loadSnapshots(machine.paths);
  // A machine that was put back to it and has not run since still needs its memory.
  const gone = new Set(file.snapshots.filter((each) => goes(each) && each.id !== machine.state.suspended?.snapshot).map(({ id }) => id));
  await operation.step("deleting", { record: { snapshots: [...gone] } });
  const next = gone.size === 0 ? file : await saveRecords(machine, without(file, gone));
  const swept = await sweep(machine, next);
  const merged = await mergeLayers(machine, operation);
  return swept + merged + (await dropRootImages(machine));
}

/** The records without these; who grew from them grows from what they grew from. */
function without(file: SnapshotsFile, gone: ReadonlySet<string>): SnapshotsFile {
  const parents = new Map(file.snapshots.map(({ id, parent }) => [id, parent]));
  const staying = (parent: string | undefined): string | undefined => {
    let at = parent;
    while (at !== undefined && gone.has(at)) at = parents.get(at);
    return at;
  };
  const withParent = <R extends { parent?: string | undefined }>(record: R): R => {
    const { parent, ...rest } = record;
    const next = staying(parent);
    return { ...rest, ...(next === undefined ? {} : { parent: next }) } as R;
  };
  const frozen = Object.fromEntries(
    Object.entries(file.frozen).filter(([name]) => ![...gone].some((id) => name.startsWith(`snapshots/${id}/`))),
  );
  return {
    ...file,
    snapshots: file.snapshots.filter(({ id }) => !gone.has(id)).map(withParent),
    current: withParent(file.current),
    frozen,
  };
}

export function editSnapshot(
  machine: Machine,
  snapshot: string,
  { name, note }: { readonly name?: string | undefined; readonly note?: string | undefined },
  work: Work,
): Promise<SnapshotRecord> {
  return machine.operate("snapshot", work, async () => {
    const file = await loadSnapshots(machine.paths);
    const found = findSnapshot(file, snapshot);
    const { note: old, ...rest } = found;
    const nextNote = note ?? old;
    const next: SnapshotRecord = {
      ...rest,
      // A name given by a person makes it theirs.
      ...(name === undefined ? {} : { name: requireNewName(file, name, found.id), automatic: false }),
      ...(nextNote === undefined || nextNote === "" ? {} : { note: nextNote }),
    };
    await saveRecords(machine, { ...file, snapshots: file.snapshots.map((each) => (each.id === found.id ? next : each)) });
    return next;
  });
}
