import { chmod, rename, rm, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { type Disk, vivError } from "../../model/index.ts";
import { rewriteLayer } from "../../qemu/index.ts";
import type { Work } from "../host.ts";
import { runImageCommand } from "../imageTool.ts";
import { currentImage, loadSnapshots } from "../layers.ts";
import type { Machine, Operation } from "../machine.ts";
import { syncFile, syncFolder } from "../storage.ts";
import { layersOfDisk } from "./chain.ts";
import { type RunningGuest, requireChangeable } from "./changeable.ts";
import { allocatedBytes, diskLayout, readHeader } from "./layout.ts";
import { requireDisk } from "./list.ts";
import { holdImages } from "./locks.ts";
import { beside } from "./resize.ts";

/** Host bytes of the current layer; the layers of snapshots are never written. */
export interface Compaction {
  readonly beforeBytes: number;
  readonly afterBytes: number;
}

const suffix = ".compact";

/**
 * Gives unused space of a disk back to the host. While the machine runs the guest's agent discards what its file systems
 * do not use, and QEMU punches holes. A stopped machine's current layer is written anew beside itself and takes its own
 * place by one rename: a crash leaves the old or the new one, and a leftover is removed.
 * @throws VivError `agent-unavailable`, `wrong-state`, `host-cannot` (internal snapshots, encryption), `disk-full`, `damaged`.
 */
export async function compactDisk(machine: Machine, id: string, work: Work): Promise<Compaction> {
  const guest = await requireChangeable(machine);
  const { disk } = requireDisk(machine, id);
  const { current } = await loadSnapshots(machine.paths);
  const { file, format } = currentImage(machine.paths, current.layers, disk);
  return machine.operate("disk", work, async (operation) => {
    const beforeBytes = (await allocatedBytes(file)) ?? 0;
    if (guest) await discard(machine, guest, operation);
    else await rewrite(machine, disk, { file, format }, operation);
    return { beforeBytes, afterBytes: (await allocatedBytes(file)) ?? 0 };
  });
}

async function discard(machine: Machine, { session }: RunningGuest, operation: Operation): Promise<void> {
  if (session.runState !== "running") throw vivError("wrong-state", `${machine.name} is paused.`, `Resume it: viv resume ${machine.name}`);
  await operation.step("the guest discards what it does not use");
  const agent = await session.agent.client();
  await agent.trim({ signal: operation.signal });
}

async function rewrite(
  machine: Machine,
  disk: Disk,
  image: { file: string; format: "qcow2" | "raw" },
  operation: Operation,
): Promise<void> {
  const { file, format } = image;
  await diskLayout({ id: disk.id, ...image }, machine.host.homeFolder);
  const { layers } = await layersOfDisk(machine.paths, disk, await loadSnapshots(machine.paths));
  const header = format === "qcow2" ? await readHeader(disk, file) : undefined;
  if (header && header.snapshotCount > 0)
    throw vivError(
      "host-cannot",
      `Disk ${disk.id} has ${header.snapshotCount} internal snapshots, which a compacted copy would lose.`,
      "Turn them into snapshots of the machine first, or remove them.",
    );
  if (header?.encrypted) throw vivError("host-cannot", `Disk ${disk.id} is encrypted; it can be compacted only while the machine runs.`);
  const target = beside(file, suffix);
  await operation.step("rewriting it", { percent: 0, record: { action: "compact", file } });
  const below = layers[1];
  const command = rewriteLayer(image, target, {
    ...(header ? { clusterBytes: header.clusterBytes, extendedL2: header.extendedL2 } : {}),
    ...(header?.backingFile === undefined ? {} : { backing: { file: header.backingFile, format: below?.format ?? "qcow2" } }),
  });
  await holdImages(machine.host, [file], machine.host.self, async () => {
    try {
      await rm(target, { force: true });
      await runImageCommand(await machine.host.toolchain(), command, dirname(file), {
        signal: operation.signal,
        onPercent: (percent) => void operation.step("rewriting it", { percent }),
      });
      await syncFile(target);
      await takePlace(file, target, operation);
    } finally {
      await rm(target, { force: true });
    }
  });
}

/** One rename. A copy that is no smaller (of a compressed image, say) is not worth it. */
async function takePlace(file: string, target: string, operation: Operation): Promise<void> {
  const [before, after] = [(await allocatedBytes(file)) ?? 0, (await allocatedBytes(target)) ?? 0];
  if (after >= before) return;
  await operation.step("putting it in place", { percent: 100, record: { action: "compact", file } });
  const { mode } = await stat(file);
  await rename(target, file);
  await chmod(file, mode);
  await syncFolder(dirname(file));
}

/** After a crash: the layer is the old one or the new one; a copy beside it is neither. */
export async function settleCompact(file: string): Promise<void> {
  await rm(beside(file, suffix), { force: true });
}
