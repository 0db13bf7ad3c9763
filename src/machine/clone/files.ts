import { constants } from "node:fs";
import { chmod, copyFile, cp, link, mkdir, stat } from "node:fs/promises";
import { dirname, isAbsolute, join } from "node:path";
import type { Toolchain } from "../../backends/index.ts";
import { type Definition, type Disk, type LayerMap, vivError } from "../../model/index.ts";
import { convertChain, type OwnLayer } from "../../qemu/index.ts";
import { chainOf as diskChain } from "../disks/chain.ts";
import type { MachinePaths } from "../folder.ts";
import { limitsFor, runLimited } from "../imageFiles/limited.ts";
import { beginPartial } from "../imageFiles/partial.ts";
import { newLayer, nvramBase, saveSnapshots } from "../layers.ts";
import type { Machine, Operation } from "../machine.ts";
import { makeQcow2 } from "../newImage.ts";
import { frozenInCopy } from "../snapshots/frozen.ts";
import { backingName, chainOf, layerPath } from "../snapshots/graph.ts";
import { newSuffix } from "../snapshots/records.ts";
import { makePrivateFolder, syncFile, syncFolder } from "../storage.ts";
import { type LayerSource, type Point, requireInside } from "./point.ts";

/** How the files of a clone came about: names of the same files, blocks the file system shares, or bytes. */
export type CloneWay = "linked" | "reflink" | "copy";

export interface CopiedDisks {
  readonly way: CloneWay;
  readonly disks: Definition["disks"];
}

/**
 * A clone that shares: its folder gets the frozen layers under the same relative names (hard links, so that neither
 * machine's removal hurts the other), and a layer of its own over each.
 */
export async function linkDisks(
  point: LayerSource,
  target: MachinePaths,
  { durable }: { durable: boolean } = { durable: true },
): Promise<CopiedDisks> {
  requireInside(point);
  let way: CloneWay = "linked";
  const names = namesOf(point);
  await makePrivateFolder(target.layers);
  for (const name of names) way = worse(way, await shareFile(layerPath(point.machine.paths, name), join(target.folder, name)));
  const readOnly = new Set(point.definition.disks.filter((disk) => disk.readOnly).map(({ id }) => id));
  const layers: LayerMap = {};
  const made: Promise<void>[] = [];
  for (const [key, below] of Object.entries(point.layers)) {
    const frozen = point.graph.layers.get(below);
    if (readOnly.has(key) || !frozen) {
      layers[key] = below;
      continue;
    }
    const name = newLayer(key, newSuffix());
    const backing = { file: backingName(name, below), format: frozen.format };
    made.push(makeQcow2(join(target.folder, name), { virtualBytes: frozen.virtualBytes, backing }, { durable }));
    layers[key] = name;
  }
  await Promise.all(made);
  await writeRecords(point, target, layers, names, durable);
  return { way, disks: point.definition.disks };
}

/** A clone that shares nothing: the same layers by the file system's own copy where it has one, else one whole image a disk. */
export async function copyDisks(point: Point, target: MachinePaths, toolchain: Toolchain, operation: Operation): Promise<CopiedDisks> {
  if (await reflinkAll(point, target)) return { way: "reflink", disks: point.definition.disks };
  const partial = await beginPartial(point.machine.host.homeFolder, target.folder);
  try {
    const keys = Object.keys(point.layers);
    for (const [index, key] of keys.entries()) {
      const chain = await wholeChain(point, key);
      const step = keys.length === 1 ? "copying the disk" : `copying disk ${index + 1} of ${keys.length}`;
      await operation.step(step, { percent: 0 });
      const virtualBytes = point.graph.layers.get(point.layers[key] ?? "")?.virtualBytes ?? 0;
      const file = join(target.folder, flatName(point.definition, key));
      await runLimited(toolchain, convertChain(chain, { file, format: "qcow2" }), limitsFor(virtualBytes), {
        signal: operation.signal,
        target: file,
        onPercent: (percent) => void operation.step(step, { percent }),
        onStart: (process) => partial.writtenBy(process),
      });
      await chmod(file, 0o600);
      await syncFile(file);
    }
  } finally {
    await partial.done();
  }
  const disks = point.definition.disks.map((disk): Disk => ({ ...disk, file: flatName(point.definition, disk.id), format: "qcow2" }));
  return { way: "copy", disks };
}

function flatName(definition: Definition, key: string): string {
  const nvram = nvramBase(definition);
  return key === nvram?.key ? nvram.file : `${key}.qcow2`;
}

/** From a disk's layer at the point down to its base, wherever that is. */
export async function wholeChain(point: Point, key: string): Promise<readonly [OwnLayer, ...OwnLayer[]]> {
  const name = point.layers[key];
  const top = name === undefined ? undefined : point.graph.layers.get(name);
  if (name === undefined || !top) throw vivError("not-found", `${point.machine.name} has no disk ${key} there.`);
  const { layers, problem } = await diskChain(
    point.machine.paths,
    { id: key },
    { file: layerPath(point.machine.paths, name), format: top.format },
  );
  const [first, ...rest] = layers;
  if (problem !== undefined || !first)
    throw vivError("damaged", `${point.machine.name}: ${problem ?? "a disk is missing"}`, "Restore the file from a backup.");
  return [first, ...rest];
}

type Belongings = Pick<Point, "definition" | "tpm"> & { readonly machine: Pick<Machine, "paths"> };

/** What else of the machine's folder its definition needs: the TPM's state (keys sealed in it would be lost), boot files. */
export async function copyBelongings(point: Belongings, target: MachinePaths): Promise<void> {
  const { machine, definition, tpm } = point;
  const boot = definition.networks.flatMap((network) => (network.mode === "nat" && network.netboot ? [network.netboot.directory] : []));
  const folders: [from: string, to: string][] = boot.filter((folder) => !isAbsolute(folder)).map((folder) => [folder, folder]);
  if (tpm !== undefined) folders.push([tpm, "tpm"]);
  for (const [from, to] of folders) {
    const source = join(machine.paths.folder, from);
    if (!(await stat(source).catch(() => undefined))) continue;
    await cp(source, join(target.folder, to), { recursive: true, filter: (name) => !/[\\/]\.lock/.test(name) });
  }
}

/** Layers in the machine's own folder; images of the store are where every machine finds them. */
function namesOf(point: LayerSource): string[] {
  const names = new Set<string>();
  for (const layer of Object.values(point.layers))
    for (const { name } of chainOf(point.graph, layer)) if (!isAbsolute(name)) names.add(name);
  return [...names];
}

const rank: Record<CloneWay, number> = { linked: 0, reflink: 1, copy: 2 };

function worse(left: CloneWay, right: CloneWay): CloneWay {
  return rank[left] >= rank[right] ? left : right;
}

/** Another name for the file; where there are none (other file system, Windows' FAT), its blocks; else its bytes. */
export async function shareFile(from: string, to: string): Promise<CloneWay> {
  await mkdir(dirname(to), { recursive: true, mode: 0o700 });
  try {
    await link(from, to);
    return "linked";
  } catch {
    const way = await reflink(from, to);
    if (way === undefined) await copyFile(from, to, constants.COPYFILE_EXCL);
    await chmod(to, 0o444);
    await syncFile(to).catch(() => undefined);
    return way ?? "copy";
  }
}

async function reflink(from: string, to: string): Promise<"reflink" | undefined> {
  return copyFile(from, to, constants.COPYFILE_FICLONE_FORCE | constants.COPYFILE_EXCL).then(
    () => "reflink" as const,
    () => undefined,
  );
}

/** All layers or none. The present's become the clone's own, to be written to. */
async function reflinkAll(point: Point, target: MachinePaths): Promise<boolean> {
  if (Object.values(point.layers).some((layer) => isAbsolute(layer))) return false;
  const names = namesOf(point);
  const tops = new Set(Object.values(point.layers));
  for (const name of names) {
    const to = join(target.folder, name);
    await mkdir(dirname(to), { recursive: true, mode: 0o700 });
    if ((await reflink(layerPath(point.machine.paths, name), to)) === undefined) return false;
    await chmod(to, 0o600);
    await syncFile(to);
    if (!tops.has(name)) await chmod(to, 0o444);
  }
  await writeRecords(
    point,
    target,
    point.layers,
    names.filter((name) => !tops.has(name)),
  );
  return true;
}

async function writeRecords(
  point: LayerSource,
  target: MachinePaths,
  layers: LayerMap,
  frozenNames: readonly string[],
  durable = true,
): Promise<void> {
  const frozen = frozenInCopy(point.machine.paths, target, point.file, frozenNames);
  await saveSnapshots(target, { schema: 1, snapshots: [], current: { layers }, frozen }, { durable });
  if (durable && (await stat(target.layers).catch(() => undefined))) await syncFolder(target.layers);
}
