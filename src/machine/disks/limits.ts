import { isDeepStrictEqual } from "node:util";
import type { Definition, DiskLimits } from "../../model/index.ts";
import { diskNames } from "../../qemu/index.ts";
import type { Machine } from "../machine.ts";
import type { Session } from "../session.ts";
import { runSteps } from "../snapshots/live.ts";
import { requireChangeable } from "./changeable.ts";
import { editMachine, recordRunning } from "./edit.ts";
import { requireDisk } from "./list.ts";
import { devicePath } from "./nodes.ts";
import { limitStep } from "./plan.ts";

/**
 * Bandwidth and operations of a disk. QEMU holds them at the guest's device, above the block graph: no filter node
 * stands over the image (a live snapshot finds the image itself), and a disk without limits pays nothing.
 */
const keys = ["readBytesPerSecond", "writeBytesPerSecond", "readsPerSecond", "writesPerSecond"] as const;

/**
 * Changes some limits, at once and for every later start; 0 lifts one.
 * @throws VivError `not-found`, `wrong-state`.
 */
export async function limitDisk(machine: Machine, id: string, changes: DiskLimits): Promise<void> {
  const guest = await requireChangeable(machine);
  const { disk } = requireDisk(machine, id);
  const limits = merged(disk.limits ?? {}, changes);
  const value = Object.keys(limits).length === 0 ? undefined : limits;
  await editMachine(machine, (definition) => {
    const index = definition.disks.findIndex((each) => each.id === id);
    return definition.disks[index]?.limits === undefined && value === undefined ? [] : [{ path: ["disks", index, "limits"], value }];
  });
  if (!guest) return;
  const index = guest.definition.disks.findIndex((each) => each.id === id);
  const running = guest.definition.disks[index];
  if (!running) return;
  await throttle(guest.session, diskNames(running, index).device, limits);
  await recordRunning(machine, (definition) => withLimits(definition, id, value));
}

/** Limits that were changed in vm.json, by hand or by a form, reach the running guest too. */
export async function followLimits(machine: Machine): Promise<void> {
  const { session } = machine;
  const running = machine.state.run?.definition as Definition | undefined;
  if (!session || !running || machine.busy !== undefined) return;
  for (const [index, disk] of running.disks.entries()) {
    const wanted = machine.definition?.disks.find(({ id }) => id === disk.id);
    if (!wanted || isDeepStrictEqual(disk.limits, wanted.limits)) continue;
    await throttle(session, diskNames(disk, index).device, wanted.limits ?? {});
    await recordRunning(machine, (definition) => withLimits(definition, disk.id, wanted.limits));
  }
}

/** Limits of every disk, before the guest runs. */
export async function applyLimits(session: Session, definition: Definition): Promise<void> {
  for (const [index, disk] of definition.disks.entries())
    if (disk.limits !== undefined) await throttle(session, diskNames(disk, index).device, disk.limits);
}

async function throttle(session: Session, device: string, limits: DiskLimits): Promise<void> {
  const id = await devicePath(session, device);
  if (id === undefined) return;
  await runSteps(session, [limitStep(id, limits)]);
}

/** Only what limits something is written down. */
export function merged(limits: DiskLimits, changes: DiskLimits): DiskLimits {
  const next: DiskLimits = {};
  for (const key of keys) {
    const value = changes[key] ?? limits[key] ?? 0;
    if (value > 0) next[key] = value;
  }
  return next;
}

function withLimits(definition: Definition, id: string, limits: DiskLimits | undefined): Definition {
  const disks = definition.disks.map((disk) => {
    if (disk.id !== id) return disk;
    const { limits: _before, ...rest } = disk;
    return { ...rest, ...(limits ? { limits } : {}) };
  });
  return { ...definition, disks };
}
