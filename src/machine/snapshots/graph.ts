import { closeSync, existsSync, fstatSync, openSync, readdirSync, readSync } from "node:fs";
import { dirname, isAbsolute, join, posix, relative, resolve, sep } from "node:path";
import type { Definition, SnapshotsFile } from "../../model/index.ts";
import { parseQcow2Header } from "../../qemu/index.ts";
import { inFolder, type MachinePaths } from "../folder.ts";
import { layersOf } from "../layers.ts";

/**
 * The layers of a machine as their headers say: which stands on which, and what each takes. Headers are read by us and
 * at once (by way of the thread pool a hundred of them would cost eight times as much); nothing is started.
 *
 * A layer's name is its path relative to the machine's folder, with `/`.
 */
export interface Layer {
  readonly name: string;
  readonly format: "qcow2" | "raw";
  readonly virtualBytes: number;
  /** Of the host; sparse parts do not count. */
  readonly allocatedBytes: number;
  readonly fileBytes: number;
  /** Machine folders that have this file: more than one after a linked clone. */
  readonly links: number;
  readonly backing?: Backing;
}

export interface Backing {
  /** Its name when it lies in the machine's folder; else undefined: an image of the store, which is nobody's to change. */
  readonly layer?: string;
  /** As written in the header. */
  readonly written: string;
  readonly format: "qcow2" | "raw";
}

export interface LayerGraph {
  readonly layers: ReadonlyMap<string, Layer>;
  /** Why a layer that something names cannot be used: completes “FILE …”. */
  readonly problems: ReadonlyMap<string, string>;
}

/** Everything that snapshots, the present and the folder of layers name, and what that stands on. */
export function readGraph(paths: MachinePaths, file: SnapshotsFile, definition: Definition | undefined): LayerGraph {
  const raw = new Set<string>();
  const wanted = new Set<string>(layersInFolder(paths));
  for (const each of [definition, ...file.snapshots.map((snapshot) => snapshot.definition as Definition)])
    for (const disk of each?.disks ?? []) if (disk.format === "raw") raw.add(disk.file);
  for (const name of Object.values(definition ? layersOf(definition, file.current.layers) : file.current.layers)) wanted.add(name);
  for (const snapshot of file.snapshots) for (const name of Object.values(snapshot.layers)) wanted.add(name);
  const layers = new Map<string, Layer>();
  const problems = new Map<string, string>();
  const head = Buffer.alloc(65_536);
  for (const name of wanted) {
    const found = readLayer(paths, name, raw.has(name), head);
    if ("problem" in found) {
      problems.set(name, found.problem);
      continue;
    }
    layers.set(name, found);
    const below = found.backing;
    if (below?.layer === undefined) continue;
    if (below.format === "raw") raw.add(below.layer);
    // A set that grows while it is walked is walked to its end.
    wanted.add(below.layer);
  }
  return { layers, problems };
}

export function layersInFolder(paths: MachinePaths): string[] {
  try {
    return readdirSync(paths.layers).flatMap((name) => (name.endsWith(".qcow2") ? [`layers/${name}`] : []));
  } catch {
    return [];
  }
}

function readLayer(paths: MachinePaths, name: string, raw: boolean, head: Buffer): Layer | { problem: string } {
  const path = inFolder(paths.folder, name);
  let descriptor: number;
  try {
    descriptor = openSync(path, "r");
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    return { problem: code === "ENOENT" ? "is missing" : `cannot be read: ${message}` };
  }
  try {
    const facts = fstatSync(descriptor);
    if (!facts.isFile()) return { problem: "is not a file" };
    const size = {
      name,
      allocatedBytes: facts.blocks === undefined ? facts.size : facts.blocks * 512,
      fileBytes: facts.size,
      links: facts.nlink,
    };
    if (raw) return { ...size, format: "raw", virtualBytes: facts.size };
    const length = readSync(descriptor, head, 0, head.length, 0);
    const header = parseQcow2Header(head.subarray(0, length), facts.size);
    if ("problem" in header) return header;
    if (header.externalData) return { problem: "keeps its data in another file" };
    if (header.corrupt) return { problem: "is marked as corrupt" };
    const backing = header.backingFile === undefined ? undefined : backingOf(paths, path, header.backingFile, header.backingFormat);
    if (backing && backing.layer === undefined && !existsSync(resolve(dirname(path), backing.written)))
      return { problem: `stands on ${backing.written}, which is missing` };
    return { ...size, format: "qcow2", virtualBytes: header.virtualBytes, ...(backing ? { backing } : {}) };
  } catch (error) {
    return { problem: `cannot be read: ${(error as Error).message}` };
  } finally {
    closeSync(descriptor);
  }
}

function backingOf(paths: MachinePaths, path: string, written: string, format: string | undefined): Backing {
  const inside = relative(paths.folder, resolve(dirname(path), written));
  const foreign = inside.startsWith("..") || isAbsolute(inside);
  return { ...(foreign ? {} : { layer: inside.split(sep).join("/") }), written, format: format === "raw" ? "raw" : "qcow2" };
}

/** From a layer down to the lowest one in the machine's folder, itself first. */
export function chainOf(graph: LayerGraph, name: string): Layer[] {
  const chain: Layer[] = [];
  for (let at = graph.layers.get(name); at; at = at.backing?.layer === undefined ? undefined : graph.layers.get(at.backing.layer)) {
    if (chain.includes(at)) break;
    chain.push(at);
  }
  return chain;
}

/** Why the chain under a layer cannot be used: the first missing or unreadable file of it. */
export function chainProblem(graph: LayerGraph, name: string): string | undefined {
  const chain = chainOf(graph, name);
  const lowest = chain.at(-1)?.backing?.layer;
  const broken = chain.length === 0 ? name : lowest !== undefined && !graph.layers.has(lowest) ? lowest : undefined;
  return broken === undefined ? undefined : `${broken} ${graph.problems.get(broken) ?? "is missing"}`;
}

export function childrenOf(graph: LayerGraph, name: string): Layer[] {
  return [...graph.layers.values()].filter((layer) => layer.backing?.layer === name);
}

/** A layer's file as another layer's header names it: relative, so that a home can be moved and a machine renamed. */
export function backingName(from: string, to: string): string {
  return posix.relative(posix.dirname(from), to);
}

/** The disk a layer is of, by its name: `layers/<key>-<hex6>.qcow2`. */
export function keyOfLayer(name: string): string | undefined {
  return /^layers\/(.+)-[0-9a-f]{6}\.qcow2$/.exec(name)?.[1];
}

export function layerPath(paths: MachinePaths, name: string): string {
  return isAbsolute(name) ? name : join(paths.folder, ...name.split("/"));
}
