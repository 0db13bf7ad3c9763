import { join } from "node:path";
import { type Definition, type StateFile, vivError } from "../../model/index.ts";
import type { MachinePaths } from "../folder.ts";
import { layerPath } from "../snapshots/graph.ts";
import { makePrivateFolder, syncFolder } from "../storage.ts";
import { shareFile } from "./files.ts";
import { goingOn } from "./identity.ts";
import type { Point } from "./point.ts";

/**
 * Gives a clone the memory of the snapshot it is made of: it is suspended in it, and goes on when it is woken. The file is
 * another name of the snapshot's, so it takes no space and stays when the snapshot goes.
 *
 * @param definition the clone's
 * @returns what state.json is to say of it; undefined for a snapshot without memory
 * @throws VivError `host-cannot` when the QEMU or the accelerator that can read it is not here; nothing was made then
 */
export async function suspendedClone(
  point: Point,
  target: MachinePaths,
  definition: Definition,
): Promise<NonNullable<StateFile["suspended"]> | undefined> {
  const { memory, createdAt } = point.record ?? {};
  if (memory === undefined || createdAt === undefined) return undefined;
  const { host, name } = point.machine;
  await host.toolchainById(memory.qemuId);
  const choice = await host.accelerator({ ...definition, accelerator: memory.accelerator });
  if (choice.name !== memory.accelerator)
    throw vivError(
      "host-cannot",
      `${name}: its memory was saved under ${memory.accelerator}, which is not here.`,
      `Make a clone that boots: viv clone ${name} NEW --linked --snapshot ${point.record?.name ?? ""}`,
    );
  await makePrivateFolder(target.suspend);
  const file = join(target.suspend, "memory");
  await shareFile(layerPath(point.machine.paths, memory.file), file);
  await syncFolder(target.suspend);
  const { bytes, mappedRam, qemuId, qemuVersion, accelerator } = memory;
  return { file, at: createdAt, bytes, mappedRam, qemuId, qemuVersion, accelerator, definition: goingOn(definition, point.definition) };
}
