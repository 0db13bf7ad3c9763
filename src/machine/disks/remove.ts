import { rm } from "node:fs/promises";
import { join } from "node:path";
import * as z from "zod";
import { Disk, diskSlot, vivError } from "../../model/index.ts";
import { diskNames } from "../../qemu/index.ts";
import type { Work } from "../host.ts";
import { loadSnapshots, saveSnapshots } from "../layers.ts";
import type { Machine, Operation } from "../machine.ts";
import { diskLimit } from "./add.ts";
import { filesOfDisk, isInside, layersOfDisk } from "./chain.ts";
import { type RunningGuest, requireChangeable } from "./changeable.ts";
import { eraseDisk, recordRunning, withDisk, withoutDisk, writeDisk } from "./edit.ts";
import { requireDisk } from "./list.ts";
import { hasDevice } from "./nodes.ts";
import { dropImages, freePort, plug, unplug } from "./plug.ts";
import { emptyDiskTrash, findRemovedDisk, freedBy, moveFromDiskTrash, moveToDiskTrash, newTrashName, relativeTo } from "./trash.ts";

/** What a crash needs to know to finish a removal. */
export const Removal = z.object({
  action: z.literal("remove"),
  disk: Disk,
  layer: z.string().optional(),
  /** The disk's own files, relative to the machine's folder. */
  files: z.array(z.string()),
  /** Layers below them in the machine's folder that something else needs too. */
  shared: z.array(z.string()).default([]),
  /** Its place in the trash; absent: deleted for good. */
  trash: z.string().optional(),
  removedAt: z.string(),
});
export type Removal = z.infer<typeof Removal>;

/**
 * Takes a disk away, from the running guest too, and its own files to the trash or for good. What snapshots, images or
 * clones need stays. Until vm.json is without it a crash undoes this, from then on it is finished.
 * @returns bytes of the host that are free now
 * @throws VivError `not-found`, `wrong-state` (the boot disk of a running machine, a guest that keeps it), `timeout`.
 */
export async function removeDisk(machine: Machine, request: { disk: string; delete: boolean }, work: Work): Promise<number> {
  const guest = await requireChangeable(machine);
  return machine.operate("disk", work, async (operation) => {
    const { disk, definition } = requireDisk(machine, request.disk);
    const snapshots = await loadSnapshots(machine.paths);
    const files = await filesOfDisk(machine.paths, definition, disk, snapshots);
    const { layers } = await layersOfDisk(machine.paths, disk, snapshots);
    const below = layers.filter(({ file }) => isInside(machine.paths.folder, file) && !files.includes(file));
    const layer = snapshots.current.layers[disk.id];
    const removal: Removal = {
      action: "remove",
      disk,
      ...(layer === undefined ? {} : { layer }),
      files: files.map((file) => relativeTo(machine, file)),
      shared: below.map(({ name }) => name),
      ...(request.delete ? {} : { trash: newTrashName(disk.id) }),
      removedAt: new Date().toISOString(),
    };
    if (guest) await takeFromGuest(machine, guest, removal, operation);
    await operation.step("recording", { record: removal });
    await eraseDisk(machine, disk.id);
    await operation.step("putting it away", { record: removal });
    return putAway(machine, removal);
  });
}

async function takeFromGuest(machine: Machine, guest: RunningGuest, removal: Removal, operation: Operation): Promise<void> {
  const { disk } = removal;
  const index = guest.definition.disks.findIndex(({ id }) => id === disk.id);
  const running = guest.definition.disks[index];
  if (!running) return;
  if (index === 0 && running.port === undefined)
    throw vivError(
      "wrong-state",
      `${machine.name} runs from disk ${disk.id}.`,
      `Stop it first (viv stop ${machine.name}), then remove the disk.`,
    );
  if (guest.session.runState !== "running")
    throw vivError(
      "wrong-state",
      `${machine.name} is paused: its guest cannot let go of a disk.`,
      `Resume it first: viv resume ${machine.name}`,
    );
  await operation.step("unplugging it", { record: removal });
  await unplug(machine, guest.session, guest.definition, running, operation);
  await recordRunning(machine, (definition) => withoutDisk(definition, disk.id));
}

/** Repeatable: what is done already stays done. */
async function putAway(machine: Machine, removal: Removal): Promise<number> {
  const snapshots = await loadSnapshots(machine.paths);
  const { [removal.disk.id]: layer, ...layers } = snapshots.current.layers;
  if (layer !== undefined) await saveSnapshots(machine.paths, { ...snapshots, current: { ...snapshots.current, layers } });
  const { disk, files, shared, removedAt } = removal;
  if (removal.trash !== undefined) {
    await moveToDiskTrash(machine, removal.trash, {
      disk,
      files,
      shared,
      removedAt,
      ...(removal.layer === undefined ? {} : { layer: removal.layer }),
    });
    return 0;
  }
  let freed = 0;
  for (const file of files) {
    const path = join(machine.paths.folder, file);
    freed += await freedBy(path);
    await rm(path, { force: true });
  }
  return freed;
}

/** After a crash: vm.json without the disk finishes it; a disk that is still listed stays, unless its guest let go of it. */
export async function settleRemove(machine: Machine, removal: Removal, guest: RunningGuest | undefined): Promise<void> {
  const { disk } = removal;
  const listed = machine.definition?.disks.some(({ id }) => id === disk.id) !== false;
  const index = guest?.definition.disks.findIndex(({ id }) => id === disk.id) ?? -1;
  if (guest && index >= 0) {
    if (await hasDevice(guest.session, diskNames(disk, index).device)) return;
    await dropImages(machine, guest.session, disk);
    await recordRunning(machine, (definition) => withoutDisk(definition, disk.id));
  }
  if (listed && !guest) return;
  if (listed) await eraseDisk(machine, disk.id);
  await putAway(machine, removal);
}

export const Restoration = z.object({
  action: z.literal("restore"),
  disk: Disk,
  layer: z.string().optional(),
  files: z.array(z.string()),
  shared: z.array(z.string()).default([]),
  folder: z.string(),
});
export type Restoration = z.infer<typeof Restoration>;

/**
 * Brings a removed disk back from the trash, with its content, and into the running guest.
 * @throws VivError `not-found`, `exists`, `wrong-state`, `host-cannot`.
 */
export async function restoreDisk(machine: Machine, id: string, work: Work): Promise<string> {
  const guest = await requireChangeable(machine);
  return machine.operate("disk", work, async (operation) => {
    const removed = await findRemovedDisk(machine, id);
    const lists = [machine.requireDefinition().disks, ...(guest ? [guest.definition.disks] : [])];
    if (lists.flat().some((disk) => disk.id === id))
      throw vivError(
        "exists",
        `${machine.name} has a disk ${id} again, so the removed one cannot come back.`,
        `Remove the other one first: viv disk rm ${machine.name} ${id}`,
      );
    if (lists.some((list) => list.length >= diskLimit))
      throw vivError("wrong-state", `${machine.name} has ${diskLimit} disks; no machine has more.`);
    const { slot: _slot, port: _port, ...kept } = removed.disk;
    const taken = new Set(lists.flatMap((list) => list.map(diskSlot)));
    const port = guest && freePort(machine, guest.definition, kept.bus);
    const slot = [removed.disk.slot, ...Array.from({ length: diskLimit }, (_, index) => index)].find(
      (each) => each !== undefined && !taken.has(each),
    );
    const disk = Disk.parse({
      ...kept,
      ...(lists.every((list) => list.length === slot) || slot === undefined ? {} : { slot }),
      ...(port === undefined ? {} : { port }),
    });
    const { layer, files, shared, folder } = removed;
    const restoration: Restoration = { action: "restore", disk, files, shared, folder, ...(layer === undefined ? {} : { layer }) };
    await operation.step("bringing it back", { record: restoration });
    await moveFromDiskTrash(machine, removed);
    await nameLayer(machine, restoration);
    await operation.step("recording", { record: restoration });
    await writeDisk(machine, disk);
    await rm(folder, { recursive: true, force: true });
    if (guest) {
      await operation.step("plugging it in", { record: restoration });
      await plug(machine, guest.session, withDisk(guest.definition, disk), disk);
      await recordRunning(machine, (running) => withDisk(running, disk));
    }
    return id;
  });
}

async function nameLayer(machine: Machine, { disk, layer }: Restoration): Promise<void> {
  if (layer === undefined) return;
  const snapshots = await loadSnapshots(machine.paths);
  await saveSnapshots(machine.paths, {
    ...snapshots,
    current: { ...snapshots.current, layers: { ...snapshots.current.layers, [disk.id]: layer } },
  });
}

/** After a crash it is finished: the disk is the machine's again, and the running guest's. */
export async function settleRestore(machine: Machine, restoration: Restoration, guest: RunningGuest | undefined): Promise<void> {
  const { disk, files, shared, folder } = restoration;
  await moveFromDiskTrash(machine, { files, shared, folder });
  await nameLayer(machine, restoration);
  await writeDisk(machine, disk);
  await rm(folder, { recursive: true, force: true });
  if (!guest) return;
  const running = withDisk(guest.definition, disk);
  const index = running.disks.findIndex(({ id }) => id === disk.id);
  if (!(await hasDevice(guest.session, diskNames(disk, index).device))) await plug(machine, guest.session, running, disk);
  await recordRunning(machine, () => running);
}

/** Deletes removed disks for good. */
export async function emptyRemovedDisks(machine: Machine, disk: string | undefined, work: Work): Promise<number> {
  return machine.operate("disk", work, async (operation) => {
    await operation.step("emptying the disks' trash");
    return emptyDiskTrash(machine, disk);
  });
}
