import { randomBytes } from "node:crypto";
import { rm, stat } from "node:fs/promises";
import { isAbsolute, join } from "node:path";
import { type Definition, Disk, diskSlot, requireBytes, vivError } from "../../model/index.ts";
import { convertForeign, type DiskImageFormat, diskNames } from "../../qemu/index.ts";
import type { Work } from "../host.ts";
import { type CheckedImage, limitsFor, requireImage, runLimited } from "../imageFiles/index.ts";
import { loadSnapshots } from "../layers.ts";
import type { Machine, Operation } from "../machine.ts";
import { makeQcow2 } from "../newImage.ts";
import { syncFile, syncFolder } from "../storage.ts";
import { type RunningGuest, requireChangeable } from "./changeable.ts";
import { recordRunning, withDisk, writeDisk } from "./edit.ts";
import { hasDevice } from "./nodes.ts";
import { dropImages, freePort, plug } from "./plug.ts";
import { watchSpace } from "./space.ts";

export interface NewDisk {
  readonly id?: string | undefined;
  /** Of a new, empty disk. */
  readonly size?: string | undefined;
  /** Absolute; its header is checked by us, and its content copied into a qcow2 image of the machine's own. */
  readonly file?: string | undefined;
  /** Of `file`, where its header does not tell: a raw disk without partitions. */
  readonly format?: DiskImageFormat | undefined;
  readonly bus: Disk["bus"];
}

export const diskLimit = 16;
const leastBytes = 1024 ** 2;
const mostBytes = 64 * 1024 ** 4;

/**
 * Adds a disk, to the running guest too. Until vm.json names it, a crash undoes what was done, unless the guest has it.
 * @returns its id
 * @throws VivError `usage`, `exists`, `invalid-definition`, `untrusted-input`, `not-found`, `wrong-state`, `host-cannot`, `disk-full`.
 */
export async function addDisk(machine: Machine, request: NewDisk, work: Work): Promise<string> {
  const guest = await requireChangeable(machine);
  const source = await requireSource(machine, request);
  return machine.operate("disk", work, async (operation) => {
    const disk = await newDisk(machine, request, guest);
    await operation.step("making the image", { percent: 0, record: { action: "add", disk } });
    try {
      await makeImage(machine, disk, source, operation);
      if (guest) await plugIn(machine, guest, disk, operation);
      await operation.step("recording", { record: { action: "add", disk } });
      await writeDisk(machine, disk);
    } catch (error) {
      await undoAdd(machine, guest, disk);
      throw error;
    }
    await operation.step("done", { percent: 100 });
    return disk.id;
  });
}

type Source = { readonly size: number } | { readonly image: CheckedImage };

async function requireSource(machine: Machine, { size, file, format }: NewDisk): Promise<Source> {
  if ((size === undefined) === (file === undefined))
    throw vivError(
      "usage",
      "A disk is added by its size, or as a copy of an image file: one of the two.",
      `For example: viv disk add ${machine.name} 10G`,
    );
  if (file !== undefined) {
    if (!isAbsolute(file)) throw vivError("usage", `${file} is not an absolute path.`);
    return { image: await requireImage({ file }, format) };
  }
  return { size: requireDiskBytes(size ?? "") };
}

/** @throws VivError `usage` for what is no size of a disk. */
export function requireDiskBytes(text: string): number {
  const bytes = requireBytes(text, "The size of a disk");
  if (bytes < leastBytes || bytes > mostBytes) throw vivError("usage", `A disk has from 1M to 64T, not ${text}.`);
  if (bytes % 512 !== 0) throw vivError("usage", `${text}: a disk has whole sectors of 512 bytes.`, "Write for example 10G.");
  return bytes;
}

/** Its id, file and address, none of which anybody has: neither vm.json nor the running guest nor a snapshot. */
async function newDisk(machine: Machine, request: NewDisk, guest: RunningGuest | undefined): Promise<Disk> {
  const definition = machine.requireDefinition();
  const lists = [definition.disks, ...(guest ? [guest.definition.disks] : [])];
  const ids = new Set(lists.flat().map(({ id }) => id));
  const { snapshots } = await loadSnapshots(machine.paths);
  const past = new Set(snapshots.flatMap(({ layers }) => Object.keys(layers)));
  if (request.id !== undefined && ids.has(request.id))
    throw vivError("exists", `${machine.name} has a disk ${request.id} already.`, "Choose another id.");
  if (lists.some((list) => list.length >= diskLimit))
    throw vivError("wrong-state", `${machine.name} has ${diskLimit} disks; no machine has more.`);
  const id = request.id ?? numbered((candidate) => !ids.has(candidate) && !past.has(candidate));
  const slots = new Set(lists.flatMap((list) => list.map(diskSlot)));
  const slot = Array.from({ length: diskLimit }, (_, index) => index).find((index) => !slots.has(index));
  if (slot === undefined) throw vivError("wrong-state", `${machine.name} has no address left for a disk.`, "Restart it, then try again.");
  const port = guest && freePort(machine, guest.definition, request.bus);
  const parsed = Disk.safeParse({
    id,
    file: await freeFile(machine, id),
    format: "qcow2",
    bus: request.bus,
    ...(lists.every((list) => list.length === slot) ? {} : { slot }),
    ...(port === undefined ? {} : { port }),
  });
  if (!parsed.success)
    throw vivError("usage", `${JSON.stringify(id)} is no id of a disk.`, "Use small letters, digits and dashes, such as data1.");
  return parsed.data;
}

function numbered(isFree: (id: string) => boolean): string {
  for (let index = 0; ; index += 1) if (isFree(`disk${index}`)) return `disk${index}`;
}

async function freeFile(machine: Machine, id: string): Promise<string> {
  for (let name = `${id}.qcow2`; ; name = `${id}-${randomBytes(3).toString("hex")}.qcow2`) {
    if ((await stat(join(machine.paths.folder, name)).catch(() => undefined)) === undefined) return name;
  }
}

async function makeImage(machine: Machine, disk: Disk, source: Source, operation: Operation): Promise<void> {
  const file = join(machine.paths.folder, disk.file);
  if ("size" in source) await makeQcow2(file, { virtualBytes: source.size }, { durable: true });
  else {
    const { image } = source;
    await runLimited(await machine.host.toolchain(), convertForeign(image, { file, format: "qcow2" }), limitsFor(image.virtualBytes), {
      signal: operation.signal,
      onPercent: (percent) => void operation.step("copying the image", { percent }),
    });
    await syncFile(file);
  }
  await syncFolder(machine.paths.folder);
}

async function plugIn(machine: Machine, guest: RunningGuest, disk: Disk, operation: Operation): Promise<void> {
  await operation.step("plugging it in", { record: { action: "add", disk } });
  const definition = withDisk(guest.definition, disk);
  await plug(machine, guest.session, definition, disk);
  await recordRunning(machine, (running) => withDisk(running, disk));
  await watchSpace(machine, guest.session);
}

/** Nothing stays of a disk that could not be added. A guest that has it already keeps it until it lets go. */
async function undoAdd(machine: Machine, guest: RunningGuest | undefined, disk: Disk): Promise<void> {
  if (machine.definition?.disks.some(({ id }) => id === disk.id)) return;
  if (guest && machine.session === guest.session) {
    const index = deviceIndex(guest.definition, disk);
    const { device } = diskNames(disk, index);
    const held = await hasDevice(guest.session, device).catch(() => false);
    if (held) {
      await guest.session.qmp.execute("device_del", { id: device }).catch(() => undefined);
      machine.host.notice(machine, "warning", `Disk ${disk.id} could not be recorded; the guest is asked to let go of it.`);
      return;
    }
    await recordRunning(machine, () => guest.definition).catch(() => undefined);
    await dropImages(machine, guest.session, disk).catch(() => undefined);
  }
  await rm(join(machine.paths.folder, disk.file), { force: true });
}

function deviceIndex(definition: Definition, disk: Disk): number {
  return definition.disks.length === 0 ? 0 : (disk.slot ?? definition.disks.length);
}

/**
 * After a crash: a disk the guest has, or vm.json names, is a disk of the machine; anything else never was.
 * The same rule serves every step, so it may be applied again.
 */
export async function settleAdd(machine: Machine, disk: Disk, guest: RunningGuest | undefined): Promise<void> {
  const listed = machine.definition?.disks.some(({ id }) => id === disk.id) === true;
  if (guest) {
    const { device } = diskNames(disk, deviceIndex(guest.definition, disk));
    if (await hasDevice(guest.session, device)) {
      await recordRunning(machine, (running) => withDisk(running, disk));
      if (!listed) await writeDisk(machine, disk);
      return;
    }
    await recordRunning(machine, (running) => ({ ...running, disks: running.disks.filter(({ id }) => id !== disk.id) }));
    await dropImages(machine, guest.session, disk);
  }
  if (!listed) await rm(join(machine.paths.folder, disk.file), { force: true });
}
