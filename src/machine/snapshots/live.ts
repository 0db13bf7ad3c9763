import * as z from "zod";
import { asVivError, type Definition, type LayerMap, type SnapshotsFile, vivError } from "../../model/index.ts";
import { layersOf, loadSnapshots } from "../layers.ts";
import type { Machine } from "../machine.ts";
import type { Session } from "../session.ts";
import { chainOf, keyOfLayer, type LayerGraph, layerPath, layersInFolder, readGraph } from "./graph.ts";
import type { LiveDisk, Step } from "./plan.ts";
import { saveRecords } from "./records.ts";

/** What a running QEMU's block graph is, asked for and never guessed: each live snapshot and merge changes it. */

export async function runSteps(session: Session, steps: readonly Step[], timeoutMs = 10_000): Promise<void> {
  for (const { execute, arguments: args } of steps)
    await (session.qmp.execute as LooseExecute)(execute, args, { timeoutMs }).catch((error: unknown) => {
      throw ofTheDisk(error);
    });
}

/** QEMU refuses in words; what is wrong with the host's disk has codes of its own. */
function ofTheDisk(error: unknown): unknown {
  const said = asVivError(error).message;
  if (/No space left|Disk quota/i.test(said))
    return vivError("disk-full", `The disk is full: ${said}`, "Free some space and try again; nothing is lost.", error);
  if (/Input\/output error/i.test(said))
    return vivError("io-error", `The host's disk failed: ${said}`, "Check that disk (its log, its cables); nothing was changed.", error);
  return error;
}

/** A step's name and arguments belong together by its type; the client's signature cannot say so for a union. */
type LooseExecute = (name: Step["execute"], args: Step["arguments"], options: { timeoutMs: number }) => Promise<unknown>;

const formats = ["qcow2", "raw"];

const NodeDescription = z.looseObject({ filename: z.string().optional(), file: z.unknown().optional() });

/** The file of a node. QEMU names a node whose backing file was given otherwise than in its header by `json:` and all of it. */
export function imagePath(name: string): string | undefined {
  if (!name.startsWith("json:")) return name;
  try {
    let at: unknown = JSON.parse(name.slice("json:".length));
    for (;;) {
      const node = NodeDescription.parse(at);
      if (node.filename !== undefined) return node.filename;
      at = node.file;
    }
  } catch {
    return undefined;
  }
}

interface KnownNode {
  readonly "node-name": string;
  readonly drv: string;
  readonly file: string;
}

/**
 * Where the image of a node lies. By the file node below it (`qemu/blockdev.ts` names both): what QEMU says of a format
 * node holds its whole chain, and is cut off at 4096 bytes, some twenty layers.
 */
export function imagePaths(nodes: readonly KnownNode[]): (node: Pick<KnownNode, "node-name" | "file">) => string | undefined {
  const files = new Map(nodes.filter(({ drv }) => drv === "file").map((node) => [node["node-name"], node.file]));
  return ({ "node-name": name, file }) => files.get(`${name}.file`) ?? files.get(`${name}.f`) ?? imagePath(file);
}

/** The node of a layer's format. */
export async function layerNode(session: Session, path: string): Promise<string | undefined> {
  const nodes = await session.qmp.execute("query-named-block-nodes", { flat: true });
  const pathOf = imagePaths(nodes);
  return nodes.find((each) => formats.includes(each.drv) && pathOf(each) === path)?.["node-name"];
}

/** QEMU lets go of a layer that nobody uses. One that went with its device is gone already. */
export async function dropLayer(session: Session, path: string): Promise<void> {
  const node = await layerNode(session, path);
  if (node !== undefined) await session.qmp.execute("blockdev-del", { "node-name": node }).catch(() => undefined);
}

/** Every disk the guest writes to, and its variables: the layer QEMU has on top, whatever the record says. */
export async function liveDisks(machine: Machine, session: Session, file: SnapshotsFile, graph: LayerGraph): Promise<LiveDisk[]> {
  const definition = machine.state.run?.definition as Definition;
  const [devices, nodes] = await Promise.all([
    session.qmp.execute("query-block"),
    session.qmp.execute("query-named-block-nodes", { flat: true }),
  ]);
  const pathOf = imagePaths(nodes);
  const attached = devices.flatMap(({ inserted }) => {
    const root = inserted?.["node-name"];
    return root === undefined ? [] : [{ root, path: pathOf({ "node-name": root, file: inserted?.image.filename ?? "" }) }];
  });
  const readOnly = new Set(definition.disks.filter((disk) => disk.readOnly).map(({ id }) => id));
  const recorded = layersOf(definition, file.current.layers);
  return Object.entries(recorded).flatMap(([key, layer]): LiveDisk[] => {
    if (readOnly.has(key)) return [];
    for (const candidate of candidates(machine, graph, key, layer)) {
      const path = layerPath(machine.paths, candidate);
      const device = attached.find((each) => each.path === path);
      const node = nodes.find((each) => formats.includes(each.drv) && pathOf(each) === path);
      if (device && node) return [{ key, layer: candidate, node: node["node-name"], root: device.root }];
    }
    throw vivError(
      "wrong-state",
      `${machine.name}: the running QEMU does not have the disk ${key} that the record names (${layer}).`,
      "Restart the machine, so that it gets what vm.json says.",
    );
  });
}

/** The layers a disk may be in, those on top first: they name the lower ones as well. */
function candidates(machine: Machine, graph: LayerGraph, key: string, recorded: string): string[] {
  const names = new Set([recorded, ...layersInFolder(machine.paths).filter((name) => keyOfLayer(name) === key)]);
  for (const layer of chainOf(graph, recorded)) names.add(layer.name);
  const depth = (name: string) => chainOf(graph, name).length;
  return [...names].sort((left, right) => depth(right) - depth(left));
}

/**
 * Makes the record say what QEMU has. They differ after a crash between the two, and for the moment between the record
 * that runs ahead and the switch itself (create.ts).
 */
export async function reconcile(machine: Machine, session: Session): Promise<SnapshotsFile> {
  const file = await loadSnapshots(machine.paths);
  const definition = machine.state.run?.definition as Definition | undefined;
  if (!definition) return file;
  const graph = readGraph(machine.paths, file, definition);
  const found = await liveDisks(machine, session, file, graph);
  const layers: LayerMap = { ...file.current.layers };
  for (const { key, layer } of found) if (layersOf(definition, file.current.layers)[key] !== layer) layers[key] = layer;
  if (JSON.stringify(layers) === JSON.stringify(file.current.layers)) return file;
  return saveRecords(machine, { ...file, current: { ...file.current, layers } });
}

/** QEMU says that memory is all written a moment before it may be continued (“Migration is not finalized yet”). */
export async function continueGuest(session: Session): Promise<void> {
  for (let asked = 0; asked < 2000; asked += 1) {
    const refused = await session.qmp.execute("cont").then(
      () => undefined,
      (error: Error) => error,
    );
    if (!refused || !/not finalized/i.test(refused.message)) return;
    await new Promise((wake) => setTimeout(wake, 1));
  }
}
