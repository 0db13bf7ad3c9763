import { dirname, join } from "node:path";
import { humanBytes, vivError } from "../../model/index.ts";
import { diskNames, growImage } from "../../qemu/index.ts";
import type { Work } from "../host.ts";
import { runImageCommand } from "../imageTool.ts";
import { currentImage, loadSnapshots } from "../layers.ts";
import type { Machine } from "../machine.ts";
import { runSteps } from "../snapshots/live.ts";
import { syncFile } from "../storage.ts";
import { requireDiskBytes } from "./add.ts";
import { requireChangeable } from "./changeable.ts";
import { type Grown, growInGuest, requireGrowable } from "./grow.ts";
import { diskLayout } from "./layout.ts";
import { diskFacts, requireDisk } from "./list.ts";
import { holdImages } from "./locks.ts";
import { topNode } from "./nodes.ts";
import { growStep } from "./plan.ts";

/**
 * Makes a disk larger, told to the running guest at once. Only the current layer grows: the layers of snapshots are as
 * large as they were. QEMU and qemu-img write the new size last, so a crash leaves the old size or the new one.
 * With `grow` the guest's agent also grows the last partition and its file system; whether it can is asked first.
 * @returns what was grown in the guest
 * @throws VivError `usage` for a smaller size, `not-found`, `wrong-state`, `disk-full`, `damaged`, `agent-unavailable`.
 */
export async function resizeDisk(
  machine: Machine,
  request: { disk: string; size: string; grow: boolean },
  work: Work,
): Promise<Grown | undefined> {
  const guest = await requireChangeable(machine);
  const { disk } = requireDisk(machine, request.disk);
  return machine.operate("disk", work, async (operation) => {
    const { virtualBytes, problem } = await diskFacts(machine, disk.id);
    if (problem !== undefined) throw vivError("damaged", `Disk ${disk.id}: ${problem}`);
    const more = request.size.startsWith("+") ? virtualBytes : 0;
    const bytes = requireDiskBytes(String(more + requireDiskBytes(more > 0 ? request.size.slice(1) : request.size)));
    if (bytes === virtualBytes && !request.grow) return undefined;
    if (bytes < virtualBytes)
      throw vivError(
        "usage",
        `Disk ${disk.id} has ${humanBytes(virtualBytes)} and is never made smaller: what lies at its end would be lost.`,
        `Add a smaller disk (viv disk add ${machine.name} ${request.size}), copy what you need in the guest, and remove this one.`,
      );
    const index = guest?.definition.disks.findIndex(({ id }) => id === disk.id) ?? -1;
    const running = guest?.definition.disks[index];
    const { serial } = diskNames(running ?? disk, index);
    const growing = request.grow ? await requireGrowable(machine, guest, serial) : undefined;
    await operation.step("growing it", { record: { action: "resize", disk: disk.id, bytes } });
    if (bytes === virtualBytes) {
      // Only the guest has something to do.
    } else if (guest && running) {
      if (running.readOnly) throw vivError("wrong-state", `Disk ${disk.id} is read-only.`, `Stop ${machine.name} first.`);
      const node = await topNode(guest.session, diskNames(running, index).device, disk.id);
      await runSteps(guest.session, [growStep(node, bytes)]);
    } else await growOffline(machine, disk, bytes, operation.signal);
    if (growing) await operation.step("growing it in the guest");
    const grown = growing && (await growInGuest(machine, growing, serial, bytes, operation));
    await operation.step("done", { percent: 100 });
    return grown;
  });
}

async function growOffline(machine: Machine, disk: Parameters<typeof currentImage>[2], bytes: number, signal: AbortSignal): Promise<void> {
  const { current } = await loadSnapshots(machine.paths);
  const image = currentImage(machine.paths, current.layers, disk);
  // Its chain is looked at by us before qemu-img opens it.
  await diskLayout({ id: disk.id, ...image }, machine.host.homeFolder);
  await holdImages(machine.host, [image.file], machine.host.self, async () => {
    await runImageCommand(await machine.host.toolchain(), growImage(image.file, image.format, bytes), dirname(image.file), { signal });
    await syncFile(image.file);
  });
}

/** The path of a file beside a layer; the same folder, so that backing names mean the same. */
export function beside(file: string, suffix: string): string {
  return join(dirname(file), `${file.slice(dirname(file).length + 1)}${suffix}`);
}
