import { dirname, resolve } from "node:path";
import { type Definition, vivError } from "../../model/index.ts";
import { flushNode } from "../../qemu/index.ts";
import { loadSnapshots } from "../layers.ts";
import type { Machine } from "../machine.ts";
import type { Session } from "../session.ts";
import { chainOf, type Layer, layerPath, readGraph } from "./graph.ts";
import { imagePaths, layerNode, liveDisks } from "./live.ts";

/**
 * What QEMU copies into a layer is in the layer's file only once QEMU has written out its tables, which neither
 * `block-stream` nor `block-commit` waits for. Whoever removes the layer that was copied from, or makes an image stand on
 * another one, asks for that first: otherwise a QEMU that is killed takes with it what the guest had flushed long ago.
 */
export async function writeOut(session: Session, node: string): Promise<void> {
  await session.qmp.execute("human-monitor-command", { "command-line": flushNode(node) }, { timeoutMs: 60_000 });
}

/**
 * Brings every layer that nobody writes to back to reading, with its tables written out. After a merge QEMU tries that
 * itself, and fails without a word for a layer that was opened by QEMU's command line: there the backing image is part of
 * the options, and another one now. The layers the guest writes to are written out.
 * @throws VivError with QEMU's words.
 */
export async function settleLayers(machine: Machine, session: Session): Promise<void> {
  const file = await loadSnapshots(machine.paths);
  const graph = readGraph(machine.paths, file, machine.state.run?.definition as Definition | undefined);
  const nodes = await session.qmp.execute("query-named-block-nodes", { flat: true });
  const pathOf = imagePaths(nodes);
  const nodeOf = (layer: Layer, driver: string) =>
    nodes.find((node) => node.drv === driver && pathOf(node) === layerPath(machine.paths, layer.name));
  for (const disk of await liveDisks(machine, session, file, graph)) {
    await writeOut(session, disk.node);
    for (const layer of chainOf(graph, disk.layer).slice(1)) {
      const [node, fileNode] = [nodeOf(layer, layer.format), nodeOf(layer, "file")];
      if (!node || !fileNode || node.ro) continue;
      const { direct, "no-flush": noFlush } = node.cache ?? { direct: false, "no-flush": false };
      const common = { driver: layer.format, "node-name": node["node-name"], "read-only": true, cache: { direct, "no-flush": noFlush } };
      const backing = layer.format === "raw" ? {} : { backing: await backingNode(machine, session, layer) };
      await session.qmp.execute("blockdev-reopen", { options: [{ ...common, file: fileNode["node-name"], ...backing }] });
    }
  }
}

/** The node of what a layer stands on, in the machine's folder or an image of the store. Without it the layer would show holes. */
async function backingNode(machine: Machine, session: Session, { name, backing }: Layer): Promise<string | null> {
  if (!backing) return null;
  const path =
    backing.layer === undefined
      ? resolve(dirname(layerPath(machine.paths, name)), backing.written)
      : layerPath(machine.paths, backing.layer);
  const node = await layerNode(session, path);
  if (node === undefined) throw vivError("internal", `${machine.name}: QEMU does not have ${path} open, on which ${name} stands.`);
  return node;
}
