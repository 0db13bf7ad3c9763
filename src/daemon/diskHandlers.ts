import type { CheckedParams, DiskDetails, diskMethods, MediaView } from "../api/index.ts";
import {
  addDisk,
  checkDisk,
  compactDisk,
  diskFacts,
  ejectMedia,
  emptyRemovedDisks,
  insertMedia,
  limitDisk,
  listDisks,
  listDiskTrash,
  type Machine,
  removeDisk,
  resizeDisk,
  restoreDisk,
  showMedia,
  type Work,
} from "../machine/index.ts";
import type { HandlerContext, HandlersOf } from "./handler.ts";

/** A disk that is acted on, then shown as it is afterwards; `act` gives its id where the request does not. */
function onDisk<P extends { machine: string; disk?: string }>(
  act: (machine: Machine, params: P, work: Work) => Promise<string | undefined>,
): (params: P, context: HandlerContext) => Promise<DiskDetails> {
  return async (params, { world, work }) => {
    const machine = world.library.find(params.machine);
    const id = await act(machine, params, work);
    return details(machine, id ?? params.disk ?? "");
  };
}

async function details(machine: Machine, id: string): Promise<DiskDetails> {
  const { layers, ...facts } = await diskFacts(machine, id);
  return { ...facts, layers: [...layers] };
}

function onMedia<P extends { machine: string }>(
  act: (machine: Machine, params: P, work: Work) => Promise<void>,
): (params: P, context: HandlerContext) => Promise<MediaView> {
  return async (params, { world, work }) => {
    const machine = world.library.find(params.machine);
    await act(machine, params, work);
    return showMedia(machine);
  };
}

export const diskHandlers: HandlersOf<typeof diskMethods> = {
  "disk.list": async ({ machine }, { world }) =>
    (await listDisks(world.library.find(machine))).map(({ layers, ...facts }) => ({ ...facts, layers: [...layers] })),
  "disk.add": onDisk((machine, params: CheckedParams<"disk.add"> & { disk?: string }, work) => addDisk(machine, params, work)),
  "disk.remove": async (params, { world, work }) => ({ freedBytes: await removeDisk(world.library.find(params.machine), params, work) }),
  "disk.trash": async ({ machine }, { world }) =>
    (await listDiskTrash(world.library.find(machine))).map(({ disk, removedAt, bytes }) => ({ disk: disk.id, removedAt, bytes })),
  "disk.restoreRemoved": onDisk((machine, { disk }: CheckedParams<"disk.restoreRemoved">, work) => restoreDisk(machine, disk, work)),
  "disk.emptyTrash": async ({ machine, disk }, { world, work }) => ({
    freedBytes: await emptyRemovedDisks(world.library.find(machine), disk, work),
  }),
  "disk.resize": async (params, { world, work }) => {
    const machine = world.library.find(params.machine);
    const grown = await resizeDisk(machine, params, work);
    return { ...(await details(machine, params.disk)), ...(grown ? { grown } : {}) };
  },
  "disk.check": async (params, { world, work }) => checkDisk(world.library.find(params.machine), params, work),
  "disk.compact": async ({ machine, disk }, { world, work }) => compactDisk(world.library.find(machine), disk, work),
  "disk.limit": onDisk(async (machine, { disk, limits }: CheckedParams<"disk.limit">) => {
    await limitDisk(machine, disk, limits);
    return undefined;
  }),
  "media.show": async ({ machine }, { world }) => showMedia(world.library.find(machine)),
  "media.insert": onMedia((machine, params: CheckedParams<"media.insert">, work) => insertMedia(machine, params, work)),
  "media.eject": onMedia((machine, params: CheckedParams<"media.eject">, work) => ejectMedia(machine, params, work)),
};
