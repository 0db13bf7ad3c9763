import { stat } from "node:fs/promises";
import type { CheckedParams, ImageInspection, Result, transferMethods } from "../api/index.ts";
import {
  type CloneRequest,
  checkImageFile,
  cloneMachine,
  convertImageFile,
  exportMachine,
  type ImageContext,
  importMachine,
  isOva,
  listPrunable,
  type PruneContext,
  prune,
  readOva,
} from "../host/index.ts";
import { inspectImage, type Machine, type Work } from "../machine/index.ts";
import { asVivError, humanBytes } from "../model/index.ts";
import type { HandlerContext, HandlersOf } from "./handler.ts";
import type { World } from "./world.ts";

/** Machines and images in and out. */
export const transferHandlers: HandlersOf<typeof transferMethods> = {
  "machine.clone": ({ machine, ...request }, { world, work }) => clone(world.library.find(machine), request, world, work),
  "machine.export": ({ machine, ...request }, { world, work }) =>
    exportMachine(world.library.find(machine), request, imageContext(world), work),
  "machine.import": takeIn,
  "image.inspect": async ({ file }, { world, work }) => ((await isOva(file)) ? ovaInspection(file, work) : inspection(file, world)),
  "image.check": ({ file }, { world, work }) => checkImageFile(file, imageContext(world), work),
  "image.convert": (params, { world, work }) => convertImageFile(params, imageContext(world), work),
  "prune.list": async ({ machine }, { world }) => listPrunable(await pruneContext(world), { machine: only(machine, world) }),
  "prune.run": async ({ machine, kinds }, { world, work }) =>
    prune(await pruneContext(world), { machine: only(machine, world), kinds }, work),
};

function only(machine: string | undefined, world: World): Machine | undefined {
  return machine === undefined ? undefined : world.library.find(machine);
}

async function pruneContext(world: World): Promise<PruneContext> {
  const toolchain = await world.toolchains.current().catch(() => undefined);
  return { home: world.home, machines: world.library.all, templates: world.templates, bundlesInUse: toolchain ? [toolchain.id] : [] };
}

function imageContext(world: World): ImageContext {
  return { home: world.home.folder, toolchain: () => world.toolchains.current() };
}

/** Also what `snapshot.restore … into` does. */
export async function clone(machine: Machine, request: CloneRequest, world: World, work: Work): Promise<Result<"machine.clone">> {
  const { library } = world;
  const way = await cloneMachine(
    machine,
    request,
    { machinesFolder: world.home.machines, isTaken: (wanted) => library.has(wanted), toolchain: () => world.toolchains.current() },
    work,
  );
  const made = await library.add(request.name);
  return { id: made.id, name: made.name, linked: request.linked, way };
}

async function takeIn(request: CheckedParams<"machine.import">, { world, work }: HandlerContext): Promise<Result<"machine.import">> {
  const { library } = world;
  const { name, notes } = await importMachine(
    request,
    {
      home: world.home.folder,
      machinesFolder: world.home.machines,
      isTaken: (wanted) => library.has(wanted),
      hostArchitecture: await world.hostArchitecture(),
      cores: world.cores,
      memoryBytes: world.memoryBytes,
      toolchain: () => world.toolchains.current(),
    },
    work,
  );
  return { id: (await library.add(name)).id, name, notes };
}

/** What is in an OVA; its disks are described by their names and sizes. */
async function ovaInspection(file: string, work: Work): Promise<ImageInspection> {
  const { size, blocks } = await stat(file);
  const allocatedBytes = blocks === undefined ? size : blocks * 512;
  const made = { file, format: "ova" as const, virtualBytes: null, allocatedBytes, chain: [], snapshots: [], partitions: [] };
  try {
    const { machine, disks, manifest } = await readOva(file, { signal: work.signal, onPercent: () => undefined });
    const facts = [
      { name: "machine", value: machine.name ?? "without a name" },
      { name: "processors", value: String(machine.cpus ?? "not said") },
      { name: "memory", value: machine.memoryBytes === undefined ? "not said" : humanBytes(machine.memoryBytes) },
      ...machine.disks.map(({ file: name }, index) => ({
        name: "disk",
        value: `${name}: ${disks[index]?.format ?? ""}, ${humanBytes(disks[index]?.virtualBytes ?? 0)}`,
      })),
      { name: "checksums", value: manifest === "checked" ? "hold" : "none are given" },
    ];
    return { ...made, virtualBytes: disks.reduce((sum, { virtualBytes }) => sum + virtualBytes, 0), facts };
  } catch (error) {
    const { code, message } = asVivError(error);
    if (code !== "untrusted-input") throw error;
    return { ...made, facts: [], refused: message.replace(`${file} `, "").replace(/\.$/, "") };
  }
}

async function inspection(file: string, world: World): Promise<ImageInspection> {
  const { header, allocatedBytes, chain, partitions } = await inspectImage(file, world.home.folder);
  const { format, virtualBytes, snapshots, facts, refused } = header;
  return {
    file,
    // What bears no mark of a disk is nothing we know.
    format: format === "raw" && refused !== undefined ? null : format,
    virtualBytes: virtualBytes ?? null,
    allocatedBytes,
    chain: [...chain],
    snapshots: [...snapshots],
    partitions: [...partitions],
    facts: [...facts],
    ...(refused === undefined ? {} : { refused }),
  };
}
