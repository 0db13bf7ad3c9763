import { dirname } from "node:path";
import { runBlockJob } from "../blockJobs.ts";
import { layersOf, loadSnapshots } from "../layers.ts";
import type { Machine, Operation } from "../machine.ts";
import { qemuImg } from "../qemuImg.ts";
import type { Session } from "../session.ts";
import { backingName, chainOf, type Layer, layerPath, readGraph } from "./graph.ts";
import { layerNode, reconcile } from "./live.ts";
import { mergeJob } from "./merge.ts";
import { settleLayers, writeOut } from "./settle.ts";

/** Each layer costs an open file and a look at each read of what nobody wrote. */
export const deepestChain = 30;

/**
 * Keeps chains short: where the present stands on too many layers, everything down to the lowest is copied up into its
 * own, which then stands on the lowest alone. Snapshots keep their layers. What any layer shows stays the same.
 *
 * @throws VivError `disk-full`, `cancelled`; the chain is as long as before then.
 */
export async function shortenChains(machine: Machine, operation: Operation): Promise<void> {
  const session = machine.state.run ? machine.session : undefined;
  if (machine.state.run && !session?.responding) return;
  const file = session ? await reconcile(machine, session) : await loadSnapshots(machine.paths);
  const definition = machine.effectiveDefinition;
  if (!definition) return;
  const graph = readGraph(machine.paths, file, definition);
  for (const [key, name] of Object.entries(layersOf(definition, file.current.layers))) {
    const chain = chainOf(graph, name);
    const [top] = chain;
    const lowest = chain.at(-1);
    if (!top || !lowest || chain.length <= deepestChain) continue;
    await operation.step("shortening", { record: { key } });
    if (session) await streamLive(machine, session, top, lowest, operation);
    else await copyUp(machine, top, lowest);
  }
}

async function streamLive(machine: Machine, session: Session, top: Layer, lowest: Layer, operation: Operation): Promise<void> {
  const device = await layerNode(session, layerPath(machine.paths, top.name));
  const base = await layerNode(session, layerPath(machine.paths, lowest.name));
  if (device === undefined || base === undefined) return;
  const start = () =>
    session.qmp.execute("block-stream", {
      "job-id": mergeJob,
      "auto-dismiss": false,
      "auto-finalize": false,
      device,
      "base-node": base,
      "backing-file": backingName(top.name, lowest.name),
    });
  await runBlockJob(session, { id: mergeJob, step: "shortening", start, beforeFinalize: () => writeOut(session, device) }, operation);
  await settleLayers(machine, session);
}

async function copyUp(machine: Machine, top: Layer, lowest: Layer): Promise<void> {
  const path = layerPath(machine.paths, top.name);
  const onto = ["-F", lowest.format, "-b", backingName(top.name, lowest.name)];
  await qemuImg(await machine.host.toolchain(), ["rebase", "-q", "-f", "qcow2", ...onto, path], dirname(path));
}
