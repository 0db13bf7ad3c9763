import { chmod, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { vivError } from "../../model/index.ts";
import { checkImage } from "../../qemu/index.ts";
import type { Work } from "../host.ts";
import { runImageCommand } from "../imageTool.ts";
import { currentImage, loadSnapshots } from "../layers.ts";
import type { Machine, Operation } from "../machine.ts";
import { whileRepairing } from "../snapshots/frozen.ts";
import { type Layer, layersOfDisk } from "./chain.ts";
import { requireChangeable, requireStopped } from "./changeable.ts";
import { diskLayout } from "./layout.ts";
import { requireDisk } from "./list.ts";
import { holdImages } from "./locks.ts";

export interface DiskCheck {
  /** No layer has lost anything. */
  readonly sound: boolean;
  readonly corruptions: number;
  readonly leaks: number;
  readonly repaired: boolean;
}

/**
 * Checks every layer of a stopped machine's disk with qemu-img. Repairs are made only in layers that are the machine's
 * alone: an image of the store or of a linked clone is another's too. `leaks` gives wasted space back and is always
 * safe; `all` also mends tables, and what they lost is lost.
 * @throws VivError `wrong-state`, `not-found`, `untrusted-input`, `damaged` when a layer is missing or no image.
 */
export async function checkDisk(
  machine: Machine,
  request: { disk: string; repair: "no" | "leaks" | "all" },
  work: Work,
): Promise<DiskCheck> {
  requireStopped(machine, await requireChangeable(machine), "have a disk checked");
  const { disk } = requireDisk(machine, request.disk);
  return machine.operate("disk", work, async (operation) => {
    const snapshots = await loadSnapshots(machine.paths);
    const image = currentImage(machine.paths, snapshots.current.layers, disk);
    await diskLayout({ id: disk.id, ...image }, machine.host.homeFolder, { evenCorrupt: true });
    const { layers, problem } = await layersOfDisk(machine.paths, disk, snapshots);
    if (problem !== undefined) throw vivError("damaged", `Disk ${disk.id}: ${problem}`);
    await operation.step("checking", { percent: 0, record: { action: "check", disk: disk.id } });
    const found: DiskCheck = { sound: true, corruptions: 0, leaks: 0, repaired: false };
    return holdImages(machine.host, [image.file], machine.host.self, async () => {
      let sum = found;
      // From the base up: a layer is only as good as what it stands on.
      for (const [index, layer] of layers.toReversed().entries()) {
        if (layer.format === "qcow2") sum = plus(sum, await checkLayer(machine, layer, request.repair, operation));
        await operation.step("checking", { percent: Math.round((100 * (index + 1)) / layers.length) });
      }
      return sum;
    });
  });
}

async function checkLayer(machine: Machine, layer: Layer, repair: "no" | "leaks" | "all", operation: Operation): Promise<DiskCheck> {
  const { file, header } = layer;
  const toolchain = await machine.host.toolchain();
  const run = (mode?: "leaks" | "all") => runImageCommand(toolchain, checkImage(file, mode), dirname(file), { signal: operation.signal });
  const before = await run();
  const marked = header?.corrupt === true;
  const hurt = marked || !before.sound || before.leaks > 0;
  if (!hurt || repair === "no" || layer.shared || (repair === "leaks" && before.leaks === 0))
    return { ...before, sound: before.sound && !marked, repaired: false };
  return whileRepairing(machine, file, async () => {
    const { mode } = await stat(file);
    if ((mode & 0o200) === 0) await chmod(file, mode | 0o200);
    try {
      const after = await run(repair);
      return { ...after, sound: after.sound && (repair === "all" || !marked), repaired: true };
    } finally {
      if ((mode & 0o200) === 0) await chmod(file, mode);
    }
  });
}

function plus(a: DiskCheck, b: DiskCheck): DiskCheck {
  return {
    sound: a.sound && b.sound,
    corruptions: a.corruptions + b.corruptions,
    leaks: a.leaks + b.leaks,
    repaired: a.repaired || b.repaired,
  };
}
