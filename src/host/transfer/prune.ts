import { lstat, readdir, realpath, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import {
  allocatedBytes,
  emptyRemovedDisks,
  emptySnapshots,
  listDiskTrash,
  listSnapshots,
  type Machine,
  spareLayers,
  type Work,
} from "../../machine/index.ts";
import { asVivError } from "../../model/index.ts";
import type { Home } from "../home.ts";
import { contentOf, everyRecord, forgetDownload, halfFetched, listRecords, placesOfMachines, removeContent } from "../images/index.ts";
import { removeTemplate, runningOn, type TemplateStore, templateBytes } from "../templates/index.ts";
import { emptyTrash, listTrash } from "../trash.ts";
import { freedByRemoving } from "./freed.ts";

/** What can be deleted for good, and what that frees. Nothing here that a machine, or one that can come back, needs. */
export interface PruneItem {
  readonly kind: "machine" | "snapshot" | "disk" | "template" | "image" | "bundle" | "leftover";
  readonly name: string;
  readonly detail: string;
  readonly bytes: number;
}

export interface PruneContext {
  readonly home: Home;
  readonly machines: readonly Machine[];
  readonly templates: TemplateStore;
  /** Ids of bundles in use by this service. */
  readonly bundlesInUse: readonly string[];
}

export interface PruneRequest {
  /** Only what is in this machine. */
  readonly machine?: Machine | undefined;
  readonly kinds?: readonly PruneItem["kind"][] | undefined;
}

/** An item and how it is deleted; `run` gives the bytes that came free. */
interface Prunable extends PruneItem {
  run(work: Work): Promise<number>;
}

export async function listPrunable(context: PruneContext, request: PruneRequest): Promise<PruneItem[]> {
  return (await prunable(context, request)).map(({ run: _run, ...item }) => item);
}

/**
 * Deletes item by item. One that cannot go now (its machine is busy) stays and is passed over; the rest goes.
 * @throws VivError `cancelled`; the first failure when nothing could go
 */
export async function prune(context: PruneContext, request: PruneRequest, work: Work): Promise<{ freedBytes: number; items: PruneItem[] }> {
  const done: PruneItem[] = [];
  const failures: unknown[] = [];
  // Removed machines first: with them goes the last need for images and bundles.
  for (const kinds of [
    ["machine", "snapshot", "disk", "template", "leftover"],
    ["image", "bundle"],
  ] as const) {
    const wanted = kinds.filter((kind) => request.kinds === undefined || request.kinds.includes(kind));
    const items = wanted.length === 0 ? [] : await prunable(context, { ...request, kinds: wanted });
    for (const { run, ...item } of items) {
      work.signal.throwIfAborted();
      work.progress({ kind: "prune", step: `${item.kind} ${item.name}` });
      await run(work).then(
        (bytes) => done.push({ ...item, bytes }),
        (error: unknown) => failures.push(error),
      );
    }
  }
  if (done.length === 0 && failures.length > 0) throw asVivError(failures[0]);
  return { freedBytes: done.reduce((sum, { bytes }) => sum + bytes, 0), items: done };
}

async function prunable(context: PruneContext, { machine, kinds }: PruneRequest): Promise<Prunable[]> {
  const wants = (kind: PruneItem["kind"]) => kinds === undefined || kinds.includes(kind);
  const machines = machine ? [machine] : context.machines;
  const items: Prunable[] = [];
  if (!machine && wants("machine")) items.push(...(await removedMachines(context.home)));
  for (const each of machines) {
    if (wants("snapshot")) items.push(...(await removedSnapshots(each)));
    if (wants("disk")) items.push(...(await removedDisks(each)));
    if (wants("leftover")) items.push(...(await spareLayersOf(each)));
  }
  if (machine) return items;
  if (wants("template")) items.push(...(await idleTemplates(context)));
  if (wants("leftover")) items.push(...(await halfMade(context.home)));
  if (wants("image")) items.push(...(await unusedImages(context)));
  if (wants("bundle")) items.push(...(await oldBundles(context)));
  return items;
}

async function removedMachines(home: Home): Promise<Prunable[]> {
  return Promise.all(
    (await listTrash(home.trash)).map(async ({ id, name, removedAt, folder }) => {
      const bytes = await freedByRemoving(folder);
      const run = async () => emptyTrash(home.trash, id).then(() => bytes);
      return { kind: "machine", name, detail: `removed ${removedAt}`, bytes, run } as const;
    }),
  );
}

async function removedSnapshots(machine: Machine): Promise<Prunable[]> {
  const facts = await listSnapshots(machine, { removed: true }).catch(() => undefined);
  const removed = facts?.snapshots.filter(({ record }) => record.removedAt !== undefined) ?? [];
  if (!facts || removed.length === 0) return [];
  const detail = `removed: ${removed.map(({ record }) => record.name).join(", ")}`;
  return [{ kind: "snapshot", name: machine.name, detail, bytes: facts.removedBytes, run: (work) => emptySnapshots(machine, work) }];
}

async function removedDisks(machine: Machine): Promise<Prunable[]> {
  return (await listDiskTrash(machine).catch(() => [])).map(({ disk, removedAt, bytes }) => ({
    kind: "disk",
    name: machine.name,
    detail: `${disk.id}, removed ${removedAt}`,
    bytes,
    run: (work) => emptyRemovedDisks(machine, disk.id, work),
  }));
}

/** Layers of a crash, and ones that only held still for a clone that is gone. */
async function spareLayersOf(machine: Machine): Promise<Prunable[]> {
  const spare = await spareLayers(machine).catch(() => ({ layers: 0, bytes: 0 }));
  if (spare.layers === 0) return [];
  const detail = `${spare.layers} layers that nobody is in any more`;
  return [{ kind: "leftover", name: machine.name, detail, bytes: spare.bytes, run: (work) => emptySnapshots(machine, work) }];
}

/** Templates that forks made on the way, and that nobody runs on now. Those that people made are theirs to remove. */
async function idleTemplates({ templates, machines }: PruneContext): Promise<Prunable[]> {
  const idle = templates.all.filter(({ record }) => record?.implicit && runningOn(record, machines).length === 0);
  return Promise.all(
    idle.map(async (template) => {
      const detail = `made by a fork of ${template.record?.source.name}, used ${template.record?.lastUsedAt}`;
      const run = () => removeTemplate(template, templates, machines);
      return { kind: "template", name: template.name, detail, bytes: await templateBytes(template), run } as const;
    }),
  );
}

/** Folders of machines and images that were never finished by another process than this one. */
async function halfMade(home: Home): Promise<Prunable[]> {
  const own = `.creating-${process.pid}-`;
  const items: Prunable[] = [];
  for (const folder of [home.machines, home.images])
    for (const name of await readdir(folder).catch(() => [])) {
      // `.adding-` may be of this very service, which says no more about itself.
      if (!name.startsWith(".creating-") || name.startsWith(own)) continue;
      const path = join(folder, name);
      const bytes = await freedByRemoving(path);
      items.push({ kind: "leftover", name: path, detail: "half-made", bytes, run: () => removed(path, bytes) });
    }
  for (const file of await halfFetched(home)) {
    const bytes = (await allocatedBytes(file)) ?? 0;
    items.push({ kind: "leftover", name: file, detail: "half-fetched image", bytes, run: () => forgetDownload(file).then(() => bytes) });
  }
  return items;
}

/** Images of the store that no machine is built on, removed ones that can come back included. */
async function unusedImages(context: PruneContext): Promise<Prunable[]> {
  const { home } = context;
  const needed = await needsOf(context);
  const named = await listRecords(home.images);
  const items: Prunable[] = [];
  for (const name of await readdir(home.images).catch(() => [])) {
    const path = join(home.images, name);
    if (name.startsWith(".") || name === "names" || !(await lstat(path)).isDirectory() || needed.images.has(name)) continue;
    const bytes = await freedByRemoving(path);
    const content = contentOf(name);
    const names = content === undefined ? [name] : named.filter((image) => image.content === content).map((image) => image.name);
    const detail = "no machine is built on it";
    const run = () => (content === undefined ? removed(path, bytes) : removeContent(home.images, content).then(() => bytes));
    items.push({ kind: "image", name: names.length === 0 ? name : names.join(", "), detail, bytes, run });
  }
  return items;
}

/** QEMU builds that nothing runs on and no saved memory needs. A folder that is shared with others is left alone. */
async function oldBundles(context: PruneContext): Promise<Prunable[]> {
  const { home } = context;
  if ((await realpath(home.bin).catch(() => "")) !== join(await realpath(home.folder), "bin")) return [];
  const { bundles } = await needsOf(context);
  const items: Prunable[] = [];
  for (const name of await readdir(home.bin).catch(() => [])) {
    const path = join(home.bin, name);
    const isBundle = (await stat(join(path, "manifest.json")).catch(() => undefined))?.isFile() === true;
    if (!isBundle || bundles.has(name) || context.bundlesInUse.includes(name)) continue;
    const bytes = await freedByRemoving(path);
    items.push({ kind: "bundle", name, detail: "a QEMU build that nothing needs", bytes, run: () => removed(path, bytes) });
  }
  return items;
}

async function removed(path: string, bytes: number): Promise<number> {
  await rm(path, { recursive: true, force: true });
  return bytes;
}

interface Needs {
  readonly images: ReadonlySet<string>;
  readonly bundles: ReadonlySet<string>;
}

/**
 * What machines need of the home, by what is written in their folders: any name of an image's folder in vm.json,
 * snapshots.json, state.json or an image's header, any `qemuId` in the records. A folder that cannot be read keeps all.
 */
async function needsOf({ home }: PruneContext): Promise<Needs> {
  const images = new Set<string>();
  const bundles = new Set<string>();
  const known = await readdir(home.images).catch(() => []);
  for (const parent of placesOfMachines(home))
    for (const name of await readdir(parent).catch(() => [])) {
      const folder = join(parent, name);
      if (!(await lstat(folder)).isDirectory()) continue;
      const text = await everyRecord(folder);
      for (const image of known) if (text.includes(image)) images.add(image);
      for (const [, id] of text.matchAll(/"qemuId":\s*"([^"]+)"/g)) if (id !== undefined) bundles.add(id);
    }
  return { images, bundles };
}
