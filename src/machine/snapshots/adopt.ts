import { mkdir, rm } from "node:fs/promises";
import { type LayerMap, type SnapshotRecord, snapshotNamePattern, vivError } from "../../model/index.ts";
import type { Work } from "../host.ts";
import { layersOf, loadSnapshots, newLayer } from "../layers.ts";
import type { Machine } from "../machine.ts";
import { qemuImg } from "../qemuImg.ts";
import { syncFile, syncFolder } from "../storage.ts";
import { freeze } from "./frozen.ts";
import { layerPath } from "./graph.ts";
import { internalSnapshots } from "./internal.ts";
import { newId, newSuffix, saveRecords } from "./records.ts";
import { freshName, requireNewName } from "./tree.ts";

/**
 * Makes one of our snapshots of one inside an imported qcow2 file: its content is copied into a layer of its own. The
 * file keeps it. What it has of memory is left: only the program that saved it could load it.
 *
 * @throws VivError `wrong-state` while the machine runs, `not-found`, `host-cannot` when another disk has no such
 *   snapshot, `disk-full`.
 */
export function adoptSnapshot(
  machine: Machine,
  { disk, id, name }: { readonly disk: string; readonly id: string; readonly name?: string | undefined },
  work: Work,
): Promise<SnapshotRecord> {
  return machine.operate("snapshot", work, async (operation) => {
    if (machine.state.run)
      throw vivError("wrong-state", `${machine.name} runs: its image cannot be read.`, `Stop it first: viv stop ${machine.name}`);
    await machine.refreshDefinition();
    const definition = machine.requireDefinition();
    const file = await loadSnapshots(machine.paths);
    const present = layersOf(definition, file.current.layers);
    const found = internalSnapshots(machine, definition, present);
    const wanted = found.find((each) => each.disk === disk && each.id === id);
    if (!wanted) throw vivError("not-found", `Disk ${disk} of ${machine.name} has no snapshot ${id} inside.`);
    const fitting = snapshotNamePattern.test(wanted.name) && file.snapshots.every((each) => each.name !== wanted.name);
    const tag = name === undefined ? (fitting ? wanted.name : freshName(file)) : requireNewName(file, name);
    const writable = definition.disks.filter((each) => !each.readOnly);
    const missing = writable.find((each) => !found.some((one) => one.disk === each.id && one.name === wanted.name));
    if (missing)
      throw vivError(
        "host-cannot",
        `Disk ${missing.id} has no snapshot ${wanted.name} inside: the machine's disks would not fit each other.`,
      );
    await operation.step("copying", { record: {} });
    await mkdir(machine.paths.layers, { recursive: true, mode: 0o700 });
    const layers: LayerMap = { ...present };
    try {
      for (const each of writable) {
        const inner = found.find((one) => one.disk === each.id && one.name === wanted.name);
        const layer = newLayer(each.id, newSuffix());
        layers[each.id] = layer;
        const [from, to] = [layerPath(machine.paths, present[each.id] ?? each.file), layerPath(machine.paths, layer)];
        const args = ["convert", "-q", "-f", "qcow2", "-l", `snapshot.id=${inner?.id ?? id}`, "-O", "qcow2", from, to];
        await qemuImg(await machine.host.toolchain(), args, machine.paths.folder);
        await syncFile(to);
      }
      await syncFolder(machine.paths.layers);
      const copied = writable.map((each) => layers[each.id] ?? "");
      const record: SnapshotRecord = {
        id: newId(),
        name: tag,
        createdAt: wanted.createdAt,
        consistency: "crash-consistent",
        automatic: false,
        definition,
        layers: Object.fromEntries(Object.entries(layers).filter(([key]) => !key.includes("."))),
      };
      const frozen = await freeze(machine.paths, copied);
      await saveRecords(machine, { ...file, snapshots: [...file.snapshots, record], frozen: { ...file.frozen, ...frozen } });
      return record;
    } catch (error) {
      for (const each of writable)
        if (layers[each.id] !== present[each.id]) await rm(layerPath(machine.paths, layers[each.id] ?? ""), { force: true });
      throw error;
    }
  });
}
