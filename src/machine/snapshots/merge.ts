import { unlink } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { type Definition, type LayerMap, type SnapshotsFile, vivError } from "../../model/index.ts";
import { endJob, runBlockJob } from "../blockJobs.ts";
import { layersOf, loadSnapshots, nvramBase } from "../layers.ts";
import type { Machine, Operation } from "../machine.ts";
import { qemuImg } from "../qemuImg.ts";
import type { Session } from "../session.ts";
import { syncFile } from "../storage.ts";
import { forgetFrozen, freeze, unfreeze } from "./frozen.ts";
import { backingName, chainOf, childrenOf, type Layer, layerPath, readGraph } from "./graph.ts";
import { dropLayer, layerNode, liveDisks, reconcile } from "./live.ts";
import { type Merge, type MergeFacts, nextMerge } from "./mergePlan.ts";
import { saveRecords, sweep } from "./records.ts";
import { settleLayers, writeOut } from "./settle.ts";

/** The block job of a merge; one at a time, so that the next vivd knows it. */
export const mergeJob = "merge";

/**
 * Merges every layer that nobody is in any more with the one on it, one after another. What each remaining layer shows
 * never changes, so a crash or a cancel at any moment leaves everything readable, and the next time goes on.
 *
 * @returns bytes of the host that came free. @throws VivError `cancelled`, `disk-full`, `io-error`.
 */
export async function mergeLayers(machine: Machine, operation: Operation): Promise<number> {
  let freed = 0;
  if (machine.session?.responding) await endJob(machine.session, mergeJob);
  for (;;) {
    const session = machine.state.run ? machine.session : undefined;
    // A QEMU that does not answer has its layers open; they can wait.
    if (machine.state.run && !session?.responding) return freed;
    const file = session ? await reconcile(machine, session) : await loadSnapshots(machine.paths);
    const merge = nextMerge(factsOf(machine, file));
    if (!merge) return freed;
    operation.signal.throwIfAborted();
    const before = merge.lower.allocatedBytes + merge.upper.allocatedBytes;
    await mergeOne(machine, session, file, merge, operation);
    freed += Math.max(0, before - (merge.way === "commit" ? allocated(machine, merge.lower.name) : allocated(machine, merge.upper.name)));
  }
}

/** What would be merged next, if anything. */
export function nextMergeOf(machine: Machine, file: SnapshotsFile): Merge | undefined {
  return nextMerge(factsOf(machine, file));
}

function factsOf(machine: Machine, file: SnapshotsFile): MergeFacts {
  const definition = machine.effectiveDefinition;
  const present = definition ? layersOf(definition, file.current.layers) : {};
  const wanted = new Set([
    ...Object.values(file.current.layers),
    ...Object.values(present),
    ...file.snapshots.flatMap((snapshot) => Object.values(snapshot.layers)),
  ]);
  const bases = new Set([
    ...(machine.definition?.disks ?? []).map((disk) => disk.file),
    ...(definition ? [nvramBase(definition)?.file ?? ""] : []),
  ]);
  return { graph: readGraph(machine.paths, file, definition), wanted, bases };
}

function allocated(machine: Machine, name: string): number {
  const file: SnapshotsFile = { schema: 1, snapshots: [], current: { layers: { it: name } }, frozen: {} };
  return readGraph(machine.paths, file, undefined).layers.get(name)?.allocatedBytes ?? 0;
}

async function mergeOne(
  machine: Machine,
  session: Session | undefined,
  file: SnapshotsFile,
  merge: Merge,
  operation: Operation,
): Promise<void> {
  const { way, lower, upper } = merge;
  const [written, other] = way === "commit" ? [lower, upper] : [upper, lower];
  await operation.step("merging", { record: { way, lower: lower.name, upper: upper.name } });
  const known = await saveRecords(machine, forgetFrozen(file, [written.name, ...(way === "commit" ? [other.name] : [])]));
  await unfreeze(machine.paths, way === "commit" ? [lower.name, upper.name] : [upper.name]);
  try {
    const live = session && (await liveMerge(machine, session, known, merge, operation));
    if (!live) await offlineMerge(machine, merge);
    if (session && live) await settleLayers(machine, session);
    if (live !== "pivoted") await syncFile(layerPath(machine.paths, written.name));
    await operation.step("switching", { record: { way, lower: lower.name, upper: upper.name } });
    await finishMerge(machine, merge);
  } finally {
    await refreeze(machine, [lower.name, upper.name]);
  }
  if (session) await dropLayer(session, layerPath(machine.paths, other.name));
  await unlink(layerPath(machine.paths, other.name)).catch(() => undefined);
  await sweep(machine, await loadSnapshots(machine.paths));
}

/** What a snapshot is in is frozen again; what the guest writes to is not. */
async function refreeze(machine: Machine, names: readonly string[]): Promise<void> {
  const file = await loadSnapshots(machine.paths);
  const present = Object.values(presentLayers(machine, file));
  const held = new Set(file.snapshots.flatMap((snapshot) => Object.values(snapshot.layers)));
  const again = names.filter((name) => held.has(name) && !present.includes(name));
  const known = await freeze(machine.paths, again).catch(() => ({}));
  if (Object.keys(known).length > 0) await saveRecords(machine, { ...file, frozen: { ...file.frozen, ...known } });
}

function presentLayers(machine: Machine, file: SnapshotsFile): LayerMap {
  const definition = machine.effectiveDefinition;
  return definition ? layersOf(definition, file.current.layers) : file.current.layers;
}

/**
 * After a commit the lower layer shows what the upper one did: whoever stands on or is in the upper one gets the lower
 * one. Each step can be done again.
 */
export async function finishMerge(machine: Machine, { way, lower, upper }: Pick<Merge, "way" | "lower" | "upper">): Promise<void> {
  if (way === "stream") return;
  const graph = readGraph(machine.paths, await loadSnapshots(machine.paths), machine.effectiveDefinition);
  for (const above of childrenOf(graph, upper.name)) await pointTo(machine, above, lower);
  const file = await loadSnapshots(machine.paths);
  const renamed = (layers: LayerMap): LayerMap =>
    Object.fromEntries(Object.entries(layers).map(([key, layer]) => [key, layer === upper.name ? lower.name : layer]));
  await saveRecords(machine, {
    ...file,
    snapshots: file.snapshots.map((snapshot) => ({ ...snapshot, layers: renamed(snapshot.layers) })),
    current: { ...file.current, layers: renamed({ ...file.current.layers, ...presentLayers(machine, file) }) },
  });
}

/** Only the name in its header changes: both files show the same. */
async function pointTo(machine: Machine, above: Layer, lower: Layer): Promise<void> {
  await unfreeze(machine.paths, [above.name]);
  const file = await saveRecords(machine, forgetFrozen(await loadSnapshots(machine.paths), [above.name]));
  await rebase(machine, above.name, { file: backingName(above.name, lower.name), format: lower.format }, ["-u"]);
  const held = file.snapshots.some((snapshot) => Object.values(snapshot.layers).includes(above.name));
  if (held) await refreeze(machine, [above.name]);
}

async function rebase(
  machine: Machine,
  layer: string,
  backing: { readonly file: string; readonly format: string } | undefined,
  options: readonly string[] = [],
): Promise<void> {
  const path = layerPath(machine.paths, layer);
  const onto = backing ? ["-F", backing.format, "-b", backing.file] : ["-b", ""];
  await qemuImg(await machine.host.toolchain(), ["rebase", "-q", ...options, "-f", "qcow2", ...onto, path], dirname(path));
}

async function offlineMerge(machine: Machine, { way, lower, upper }: Merge): Promise<void> {
  if (way === "stream") return rebase(machine, upper.name, belowOf(lower, upper));
  const path = layerPath(machine.paths, upper.name);
  // `-d`: the upper one is not emptied, it is removed.
  await qemuImg(await machine.host.toolchain(), ["commit", "-q", "-d", "-f", "qcow2", path], dirname(path));
}

/** What the lower layer stands on, as the upper one's header will name it. */
function belowOf(lower: Layer, upper: Layer): { file: string; format: string } | undefined {
  if (!lower.backing) return undefined;
  const { layer, written, format } = lower.backing;
  return { file: backingName(upper.name, layer ?? foreignName(lower.name, written)), format };
}

/** A name outside the machine's folder, seen from the machine's folder. */
function foreignName(from: string, written: string): string {
  return written.startsWith("/") ? written : backingName("x", `${from.includes("/") ? `${dirname(from)}/` : ""}${written}`);
}

/** Undefined when QEMU has neither of the two open. */
async function liveMerge(
  machine: Machine,
  session: Session,
  file: SnapshotsFile,
  merge: Merge,
  operation: Operation,
): Promise<"pivoted" | "merged" | undefined> {
  const { lower, upper, way } = merge;
  const graph = readGraph(machine.paths, file, machine.state.run?.definition as Definition);
  const disks = await liveDisks(machine, session, file, graph);
  const disk = disks.find(({ layer }) => chainOf(graph, layer).some(({ name }) => name === upper.name));
  if (!disk) return undefined;
  const node = async (layer: string) => {
    const found = await layerNode(session, layerPath(machine.paths, layer));
    if (found === undefined) throw vivError("internal", `${machine.name}: QEMU does not have ${layer} open.`);
    return found;
  };
  const common = { "job-id": mergeJob, "auto-dismiss": false as const, "auto-finalize": false as const };
  const step = `merging ${disk.key}`;
  if (way === "stream") {
    const below = belowOf(lower, upper);
    const baseLayer = lower.backing?.layer;
    const base = below && (baseLayer !== undefined ? await node(baseLayer) : await foreignNode(session, machine, lower));
    const onto = below && base !== undefined ? { "base-node": base, "backing-file": below.file } : {};
    const device = await node(upper.name);
    await runBlockJob(
      session,
      {
        id: mergeJob,
        step,
        start: () => session.qmp.execute("block-stream", { ...common, device, ...onto }),
        beforeFinalize: () => finalizing(machine, session, device, operation),
      },
      operation,
    );
    return "merged";
  }
  if (upper.name === disk.layer) {
    await commitActive(machine, session, { root: disk.root, top: disk.node, base: await node(lower.name) }, step, operation);
    return "pivoted";
  }
  const above = chainOf(graph, disk.layer).find((layer) => layer.backing?.layer === upper.name);
  if (!above) throw vivError("internal", `${machine.name}: nothing stands on ${upper.name}.`);
  await unfreeze(machine.paths, [above.name]);
  await saveRecords(machine, forgetFrozen(await loadSnapshots(machine.paths), [above.name]));
  const [topNode, baseNode] = [await node(upper.name), await node(lower.name)];
  const backingFile = backingName(above.name, lower.name);
  try {
    await runBlockJob(
      session,
      {
        id: mergeJob,
        step,
        start: () =>
          session.qmp.execute("block-commit", {
            ...common,
            device: disk.root,
            "top-node": topNode,
            "base-node": baseNode,
            "backing-file": backingFile,
          }),
        beforeFinalize: () => finalizing(machine, session, baseNode, operation),
      },
      operation,
    );
  } finally {
    await refreeze(machine, [above.name]);
  }
  return "merged";
}

/** All is copied, and nobody stands on the copy yet. */
async function finalizing(machine: Machine, session: Session, written: string, operation: Operation): Promise<void> {
  await operation.step("finalizing", { record: { ...machine.state.operation?.data } });
  await writeOut(session, written);
}

/** The node of an image of the store that a layer stands on. */
function foreignNode(session: Session, machine: Machine, lower: Layer): Promise<string | undefined> {
  return layerNode(session, resolve(dirname(layerPath(machine.paths, lower.name)), lower.backing?.written ?? ""));
}

/**
 * Commits the layer the guest writes to. QEMU copies while the guest writes on, and at last goes over to the lower one.
 * At that moment record and QEMU must not part: whichever were behind would lose the guest's last writes. So the guest is
 * stopped for it (some tens of ms): while it stands still both layers show the same, and either record is right.
 */
async function commitActive(
  machine: Machine,
  session: Session,
  nodes: { readonly root: string; readonly top: string; readonly base: string },
  step: string,
  operation: Operation,
): Promise<void> {
  const wasRunning = session.runState === "running";
  try {
    await runBlockJob(
      session,
      {
        id: mergeJob,
        step,
        start: () =>
          session.qmp.execute("block-commit", {
            "job-id": mergeJob,
            "auto-dismiss": false,
            device: nodes.root,
            "top-node": nodes.top,
            "base-node": nodes.base,
          }),
        beforeComplete: async () => {
          await operation.step("going over", { record: { ...machine.state.operation?.data, wasRunning } });
          if (wasRunning) await session.qmp.execute("stop");
        },
      },
      operation,
    );
    await reconcile(machine, session);
  } finally {
    if (wasRunning) await session.qmp.execute("cont").catch(() => undefined);
  }
}
