import { rm } from "node:fs/promises";
import { type Definition, type LayerMap, type SnapshotRecord, vivError } from "../../model/index.ts";
import type { Work } from "../host.ts";
import { layersOf, loadSnapshots, snapshotFolder } from "../layers.ts";
import { requireSession } from "../lifecycle.ts";
import type { Machine, Operation } from "../machine.ts";
import { makePrivateFolder } from "../storage.ts";
import type { Attempt, SnapshotRequest } from "./attempt.ts";
import { takeLive } from "./createLive.ts";
import { takeOfStopped } from "./createStopped.ts";
import { chainProblem, type LayerGraph, layerPath, readGraph } from "./graph.ts";
import { reconcile } from "./live.ts";
import { newId } from "./records.ts";
import { shortenChains } from "./shorten.ts";
import { freshName, requireNewName } from "./tree.ts";

/**
 * Takes a snapshot. The disks get a new layer each, and what was the present is frozen. Nothing is renamed, and the
 * record of where the disks are runs *ahead* of QEMU's switch: an empty layer over the running one says the same as the
 * running one alone, so the record is right whoever is killed in between.
 *
 * @throws VivError `exists`, `invalid-name`, `wrong-state`, `host-cannot`, `disk-full`, `agent-unavailable`; the machine
 *   is as it was.
 */
export function createSnapshot(machine: Machine, request: SnapshotRequest, work: Work): Promise<SnapshotRecord> {
  return machine.operate("snapshot", work, async (operation) => {
    const taken = await takeSnapshot(machine, request, operation);
    await shortenChains(machine, operation);
    return taken;
  });
}

export async function takeSnapshot(machine: Machine, request: SnapshotRequest, operation: Operation): Promise<SnapshotRecord> {
  if (!machine.state.run) await machine.refreshDefinition();
  const definition = machine.state.run ? (machine.state.run.definition as Definition) : requireSettled(machine);
  const session = machine.state.run ? requireSession(machine) : undefined;
  await operation.step("preparing", { record: { wasRunning: session?.runState === "running" } });
  const file = session ? await reconcile(machine, session) : await loadSnapshots(machine.paths);
  const name =
    request.name === undefined ? freshName(file, request.automatic ? "before-restore-" : "s") : requireNewName(file, request.name);
  const id = newId();
  const record: SnapshotRecord = {
    id,
    name,
    ...(request.note ? { note: request.note } : {}),
    createdAt: new Date().toISOString(),
    ...(file.current.parent === undefined ? {} : { parent: file.current.parent }),
    consistency: "stopped",
    automatic: request.automatic ?? false,
    definition,
    layers: layersOf(definition, file.current.layers),
  };
  const graph = readGraph(machine.paths, file, definition);
  requireSound(machine, definition, graph, record.layers);
  const attempt: Attempt = { machine, request, operation, definition, file, graph, record, folder: snapshotFolder(machine.paths, id) };
  try {
    await makePrivateFolder(attempt.folder);
    return session ? await takeLive(attempt, session) : await takeOfStopped(attempt);
  } catch (error) {
    await rm(attempt.folder, { recursive: true, force: true }).catch(() => undefined);
    throw error;
  }
}

function requireSettled(machine: Machine): Definition {
  // Where the machine is suspended, the guest is what it was then.
  return (machine.state.suspended?.definition as Definition | undefined) ?? machine.requireDefinition();
}

/** Every disk must be there and lie where a layer can be put over it. */
function requireSound(machine: Machine, definition: Definition, graph: LayerGraph, layers: LayerMap): void {
  if (definition.disks.length === 0 && !machine.state.run)
    throw vivError("wrong-state", `${machine.name} has no disk: there is nothing to take a snapshot of.`, "Add one: viv disk add NAME");
  for (const [key, layer] of Object.entries(layers)) {
    // A UEFI machine that never ran has no variables yet.
    if (key.includes(".") && graph.problems.get(layer) === "is missing") {
      delete layers[key];
      continue;
    }
    const problem = chainProblem(graph, layer);
    if (problem) throw vivError("damaged", `${machine.name}: ${problem}.`, "Restore the file from a backup.");
    if (layerPath(machine.paths, layer) === layer && !layer.startsWith(machine.host.homeFolder))
      throw vivError(
        "host-cannot",
        `${machine.name}: disk ${key} lies outside Vivarium's home (${layer}); a snapshot of it could not be kept safe.`,
        "Make a machine of the image (viv import), so that it lies in the machine's folder.",
      );
  }
}
