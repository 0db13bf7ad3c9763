import { vivError } from "../../model/index.ts";
import { loadSnapshots } from "../layers.ts";
import type { Machine } from "../machine.ts";
import { layerPath } from "../snapshots/graph.ts";
import { syncFile, syncFolder } from "../storage.ts";

/** @throws VivError `wrong-state` for a machine that is no fork, or is kept already */
export function requireFork(machine: Machine): void {
  if (machine.state.fork) return;
  throw vivError("wrong-state", `${machine.name} is an ordinary machine, not a fork.`, "Remove it like others: viv rm NAME");
}

/**
 * A fork becomes an ordinary machine: what was not worth a flush is on the platter from now on. While it runs it still
 * maps its template's memory.
 * @throws VivError `wrong-state`
 */
export async function keepFork(machine: Machine): Promise<void> {
  requireFork(machine);
  const { paths } = machine;
  const { current } = await loadSnapshots(paths);
  for (const layer of Object.values(current.layers)) await syncFile(layerPath(paths, layer)).catch(() => undefined);
  for (const file of [paths.definition, paths.snapshotsFile]) await syncFile(file);
  for (const folder of [paths.layers, paths.keys, paths.folder]) await syncFolder(folder).catch(() => undefined);
  await machine.record(({ fork: _kept, ...state }) => state, { durable: true });
}
