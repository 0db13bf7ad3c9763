import { type Definition, type Disk, vivError } from "../../model/index.ts";
import { deferred, discardsSafely, diskNames, hasSeed, hotPlugPorts, QmpError, seedPort } from "../../qemu/index.ts";
import { currentImage, loadSnapshots } from "../layers.ts";
import type { Machine, Operation } from "../machine.ts";
import type { Session } from "../session.ts";
import { runSteps } from "../snapshots/live.ts";
import { layersOfDisk } from "./chain.ts";
import { diskIo, diskLayout } from "./layout.ts";
import { lockImages, unlockImages } from "./locks.ts";
import { dropNodes, hasDevice } from "./nodes.ts";
import { askToLetGo, plugSteps } from "./plan.ts";

/** Disks that come and go while the machine runs. */

/** How long a guest may take to let go of a disk it was asked for. */
const unplugTimeoutMs = 30_000;

/**
 * The hot-plug port a new disk would take; undefined for a SCSI disk, which needs none.
 * @throws VivError `host-cannot` for a bus without hot-plugging, `wrong-state` when there is no room.
 */
export function freePort(machine: Machine, running: Definition, bus: Disk["bus"]): number | undefined {
  const stopFirst = `Stop ${machine.name}, add it, and start again.`;
  if (bus === "sata")
    throw vivError("host-cannot", "SATA disks cannot be plugged in while a machine runs.", `Use bus virtio. Or: ${stopFirst}`);
  if (bus === "scsi") {
    if (running.disks.some((disk) => disk.bus === "scsi") || (running.cdrom && running.architecture === "aarch64")) return undefined;
    throw vivError("wrong-state", `${machine.name} runs without a SCSI controller.`, `Use bus virtio. Or: ${stopFirst}`);
  }
  const taken = new Set([...running.disks, ...(machine.definition?.disks ?? [])].map(({ port }) => port));
  if (hasSeed(running)) taken.add(seedPort);
  const port = Array.from({ length: hotPlugPorts }, (_, index) => index).find((index) => !taken.has(index));
  if (port === undefined) throw vivError("wrong-state", `All ${hotPlugPorts} hot-plug ports of ${machine.name} are in use.`, stopFirst);
  return port;
}

/** Gives a disk to the running guest. On an error QEMU has nothing of it. */
export async function plug(machine: Machine, session: Session, definition: Definition, disk: Disk): Promise<void> {
  const { current } = await loadSnapshots(machine.paths);
  const layout = await diskLayout({ id: disk.id, ...currentImage(machine.paths, current.layers, disk) }, machine.host.homeFolder);
  const [image, device] = plugSteps(definition, disk, {
    platform: machine.host.platform,
    machineDirectory: machine.paths.folder,
    diskIo,
    detectZeroes: discardsSafely(machine.state.run?.qemuVersion ?? ""),
    disks: { [disk.id]: layout },
  });
  const { run } = machine.state;
  const images = layout.file === undefined ? [] : [layout.file];
  if (run) await lockImages(machine.host, images, run);
  try {
    await runSteps(session, [image, device]);
  } catch (error) {
    await dropImages(machine, session, disk).catch(() => undefined);
    throw error;
  }
}

/**
 * Takes a disk from the running guest, which must agree, and its images from QEMU.
 * @throws VivError `wrong-state` when this disk cannot be unplugged or the guest keeps it, `timeout` when it does not answer.
 */
export async function unplug(machine: Machine, session: Session, running: Definition, disk: Disk, operation: Operation): Promise<void> {
  const index = running.disks.findIndex(({ id }) => id === disk.id);
  const { device } = diskNames(disk, index);
  if (await hasDevice(session, device)) await letGo(machine, session, device, disk, operation);
  await dropImages(machine, session, disk);
}

/** Takes a disk's images from QEMU, which still holds them after its device is gone. */
export async function dropImages(machine: Machine, session: Session, disk: Disk): Promise<void> {
  const { layers } = await layersOfDisk(machine.paths, disk, await loadSnapshots(machine.paths));
  await dropNodes(session, new Set(layers.map(({ file }) => file)));
  const { run } = machine.state;
  if (run)
    await unlockImages(
      machine.host,
      layers.slice(0, 1).map(({ file }) => file),
      run,
    );
}

async function letGo(machine: Machine, session: Session, device: string, disk: Disk, operation: Operation): Promise<void> {
  const { qmp } = session;
  const gone = deferred<void>();
  const refused = vivError(
    "wrong-state",
    `The guest of ${machine.name} keeps disk ${disk.id}.`,
    `Unmount it in the guest (umount), then try again. Or stop the machine first: viv stop ${machine.name}`,
  );
  const listening = [
    qmp.on("DEVICE_DELETED", (event) => event.device === device && gone.resolve()),
    qmp.on("DEVICE_UNPLUG_GUEST_ERROR", (event) => event.device === device && gone.reject(refused)),
  ];
  void qmp.closed.then(() => gone.reject(vivError("qemu-lost", "QEMU ended meanwhile.")));
  const abort = () => gone.reject(operation.signal.reason);
  operation.signal.addEventListener("abort", abort, { once: true });
  const timer = setTimeout(
    () =>
      gone.reject(
        vivError(
          "timeout",
          `The guest of ${machine.name} did not let go of disk ${disk.id} within ${unplugTimeoutMs / 1000} s.`,
          `Nothing has changed, and a disk cannot be taken by force. Unmount it in the guest (umount) and try again, or stop the machine first: viv stop ${machine.name}`,
        ),
      ),
    unplugTimeoutMs,
  );
  try {
    operation.signal.throwIfAborted();
    await runSteps(session, [askToLetGo(device)]).catch((error: unknown) => {
      const problem = explain(machine, disk, error);
      if (problem !== undefined) throw problem;
    });
    await gone.promise;
  } finally {
    clearTimeout(timer);
    operation.signal.removeEventListener("abort", abort);
    for (const each of listening) each.dispose();
  }
}

function explain(machine: Machine, disk: Disk, error: unknown): unknown {
  if (!(error instanceof QmpError)) return error;
  if (/not support hotplugging|cannot be (removed|unplugged)|hotplug is not supported/i.test(error.message))
    return vivError(
      "wrong-state",
      `Disk ${disk.id} was there when ${machine.name} started; only a disk that was plugged in can be taken out while it runs.`,
      `Stop it first: viv stop ${machine.name}`,
    );
  // An earlier request that the guest has not answered yet: its answer is waited for.
  return /already in the process of unplug|being unplugged|guest is busy/i.test(error.message) ? undefined : error;
}
