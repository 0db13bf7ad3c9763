import type { SnapshotList, SnapshotView, snapshotMethods } from "../api/index.ts";
import {
  adoptSnapshot,
  checkSnapshots,
  compareSnapshots,
  consistencyText,
  createSnapshot,
  editSnapshot,
  emptySnapshots,
  listSnapshots,
  type Machine,
  removeSnapshot,
  restoreRemovedSnapshot,
  restoreSnapshot,
  type SnapshotFacts,
  snapshotFacts,
  snapshotThumbnail,
  start,
} from "../machine/index.ts";
import type { HandlersOf } from "./handler.ts";
import { clone } from "./transferHandlers.ts";

/** What the snapshot methods of the API do: a line here, a file in machine/snapshots/. */
export const snapshotHandlers: HandlersOf<typeof snapshotMethods> = {
  "snapshot.list": async ({ machine, removed }, { world }) => snapshotList(world.library.find(machine), removed),
  "snapshot.create": async ({ machine: name, ...request }, { world, work }) => {
    const machine = world.library.find(name);
    return shown(machine, (await createSnapshot(machine, request, work)).id);
  },
  "snapshot.restore": async ({ machine: name, into, ...request }, { world, work }) => {
    const machine = world.library.find(name);
    if (into !== undefined) {
      const { name: made } = await clone(machine, { name: into, snapshot: request.snapshot, linked: true, memory: true }, world, work);
      const another = world.library.find(made);
      if (request.start ?? (another.state.suspended !== undefined || machine.state.run !== undefined)) await start(another, work);
      return { machine: made, safety: null };
    }
    return { machine: machine.name, safety: (await restoreSnapshot(machine, request, work)) ?? null };
  },
  "snapshot.remove": async ({ machine, ...request }, { world, work }) => {
    const { removed, ...bytes } = await removeSnapshot(world.library.find(machine), request, work);
    return { removed: [...removed], ...bytes };
  },
  "snapshot.restoreRemoved": async ({ machine: name, snapshot }, { world, work }) => {
    const machine = world.library.find(name);
    return shown(machine, (await restoreRemovedSnapshot(machine, snapshot, work)).id);
  },
  "snapshot.empty": async ({ machine }, { world, work }) => ({ freedBytes: await emptySnapshots(world.library.find(machine), work) }),
  "snapshot.edit": async ({ machine: name, snapshot, ...changes }, { world, work }) => {
    const machine = world.library.find(name);
    return shown(machine, (await editSnapshot(machine, snapshot, changes, work)).id);
  },
  "snapshot.thumbnail": async ({ machine, snapshot }, { world }) => ({
    pngBase64: (await snapshotThumbnail(world.library.find(machine), snapshot)).toString("base64"),
  }),
  "snapshot.compare": async ({ machine, left, right }, { world }) => compareSnapshots(world.library.find(machine), left, right),
  "snapshot.check": async ({ machine, ...request }, { world, work }) => {
    const { sound, files, problems } = await checkSnapshots(world.library.find(machine), request, work);
    return { sound, files: files.map((each) => ({ ...each, snapshots: [...each.snapshots] })), problems: [...problems] };
  },
  "snapshot.adopt": async ({ machine: name, ...which }, { world, work }) => {
    const machine = world.library.find(name);
    return shown(machine, (await adoptSnapshot(machine, which, work)).id);
  },
};

async function shown(machine: Machine, id: string): Promise<SnapshotView> {
  return snapshotView(await snapshotFacts(machine, id));
}

async function snapshotList(machine: Machine, removed: boolean): Promise<SnapshotList> {
  const facts = await listSnapshots(machine, { removed, live: true });
  return {
    snapshots: facts.snapshots.map(snapshotView),
    current: facts.current ?? null,
    currentBytes: facts.currentBytes,
    removedBytes: facts.removedBytes,
    memoryBlocked: [...facts.memoryBlocked],
    internal: [...facts.internal],
  };
}

export function snapshotView({ record, ...facts }: SnapshotFacts): SnapshotView {
  return {
    id: record.id,
    name: record.name,
    ...(record.note === undefined ? {} : { note: record.note }),
    createdAt: record.createdAt,
    parent: facts.parent ?? null,
    consistency: record.consistency,
    consistencyText: consistencyText(record),
    automatic: record.automatic,
    ownBytes: facts.ownBytes,
    memoryBytes: facts.memoryBytes ?? null,
    ...(record.pausedMs === undefined ? {} : { pausedMs: record.pausedMs }),
    hasThumbnail: record.thumbnail !== undefined,
    current: facts.current,
    children: facts.children,
    depth: facts.depth,
    ...(facts.problem === undefined ? {} : { problem: facts.problem }),
    removedAt: record.removedAt ?? null,
  };
}
