import type { CheckedParams, ImageInspection, Result, transferMethods } from "../api/index.ts";
import { checkImageFile, convertImageFile, type ImageContext, importMachine } from "../host/index.ts";
import { inspectImage } from "../machine/index.ts";
import { vivError } from "../model/index.ts";
import type { HandlerContext, HandlersOf } from "./handler.ts";
import type { World } from "./world.ts";

const notYet = async (): Promise<never> => {
  throw vivError("internal", "This is being built.");
};

/** Machines and images in and out. */
export const transferHandlers: HandlersOf<typeof transferMethods> = {
  "machine.clone": notYet,
  "machine.export": notYet,
  "machine.import": takeIn,
  "image.inspect": ({ file }, { world }) => inspection(file, world),
  "image.check": ({ file }, { world, work }) => checkImageFile(file, imageContext(world), work),
  "image.convert": (params, { world, work }) => convertImageFile(params, imageContext(world), work),
  "prune.list": notYet,
  "prune.run": notYet,
};

function imageContext(world: World): ImageContext {
  return { home: world.home.folder, toolchain: () => world.toolchains.current() };
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
