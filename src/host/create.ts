import { access, constants, mkdir, open, rename, rm, stat } from "node:fs/promises";
import { isAbsolute, join, relative } from "node:path";
import type { Toolchain } from "../backends/index.ts";
import {
  editDefinition,
  emptyState,
  type MachinePaths,
  machinePaths,
  makeKeys,
  makePrivateFolder,
  makeQcow2,
  parseAssignment,
  parseDefinition,
  pauseForTest,
  saveState,
  syncFolder,
  uefiFiles,
  type Work,
  writeFileAtomically,
} from "../machine/index.ts";
import {
  type Architecture,
  asVivError,
  type Definition,
  memoryBytes,
  requireBytes,
  requireMachineName,
  sizeText,
  vivError,
} from "../model/index.ts";
import { definitionText, diskBytes, type NetworkChoice, newDefinition } from "./definitions.ts";
import { requireWebAddress } from "./download/index.ts";
import { findImage, type Image, pinned, storeImage } from "./images/index.ts";
import { type Netboot, type NetbootSource, netbootFromFolder, netbootFromWeb } from "./netboot/index.ts";
import { keepFirstBoot, type NewFirstBoot, requireFirstBoot, withFirstBoot } from "./newFirstBoot.ts";

/** A new machine as it was asked for; see CreateRequest of the API. */
export interface NewMachine extends NewFirstBoot {
  readonly name: string;
  readonly image?: string | undefined;
  readonly iso?: string | undefined;
  readonly netboot?: NetbootSource | undefined;
  readonly architecture?: Architecture | undefined;
  readonly cpus?: number | undefined;
  readonly memory?: string | undefined;
  readonly disk?: string | undefined;
  readonly networks?: readonly NetworkChoice[] | undefined;
  readonly set: readonly string[];
}

/** Where it is made and of what. */
export interface CreateContext {
  readonly machinesFolder: string;
  readonly imageStore: string;
  readonly guestFolder: string | undefined;
  readonly hostArchitecture: Architecture;
  readonly cores: number;
  readonly memoryBytes: number;
  toolchain(): Promise<Toolchain>;
  isTaken(name: string): boolean;
}

/**
 * Makes a machine's folder, whole or not at all: it is put together under a hidden name and renamed at the end.
 * @returns the folder's name.
 * @throws VivError `invalid-name`, `exists`, `not-found` (image), `usage`, `invalid-definition`, `not-enough-memory`, `disk-full`.
 */
export async function createMachine(request: NewMachine, context: CreateContext, work: Work): Promise<string> {
  const name = requireMachineName(request.name);
  if (context.isTaken(name)) throw taken(name);
  await requireSources(request);
  requireFirstBoot(request);
  await step(work, "looking for QEMU");
  const toolchain = await context.toolchain();
  const architecture = request.architecture ?? context.hostArchitecture;
  await step(work, "checking the image");
  const image = request.image === undefined ? undefined : await storedImage(request.image, architecture, context);
  return pinned(image?.folder, () => make(name, request, { architecture, image, toolchain }, context, work));
}

interface Ingredients {
  readonly architecture: Architecture;
  readonly image: Image | undefined;
  readonly toolchain: Toolchain;
}

async function make(
  name: string,
  request: NewMachine,
  { architecture, image, toolchain }: Ingredients,
  context: CreateContext,
  work: Work,
): Promise<string> {
  const define = (netboot?: Netboot) =>
    withAssignments(definitionFor(request, architecture, image, context, toolchain, netboot), request.set);
  const draft = define();
  requireCapacity(draft, context);
  const staging = join(context.machinesFolder, `.creating-${process.pid}-${draft.id.slice(0, 8)}`);
  try {
    await mkdir(staging, { mode: 0o700 });
    const definition = request.netboot === undefined ? draft : define(await netbootOf(request, request.netboot, draft, staging, work));
    await step(work, "making disks and keys");
    await fill(machinePaths(staging), definition, request, image, toolchain);
    await step(work, "putting it in place");
    work.signal.throwIfAborted();
    await syncFolder(staging);
    if (context.isTaken(name)) throw taken(name);
    await rename(staging, join(context.machinesFolder, name)).catch((error: NodeJS.ErrnoException) => {
      throw error.code === "ENOTEMPTY" || error.code === "EEXIST" ? taken(name) : error;
    });
    await syncFolder(context.machinesFolder);
  } catch (error) {
    await rm(staging, { recursive: true, force: true });
    throw error;
  }
  return name;
}

function taken(name: string): Error {
  return vivError("exists", `There is a machine ${name} already.`, `Choose another name, or remove it: viv rm ${name}`);
}

async function step(work: Work, step: string): Promise<void> {
  work.progress({ kind: "create", step });
  await pauseForTest("create", step);
}

async function requireSources(request: NewMachine): Promise<void> {
  const sources = [request.image, request.iso, request.netboot].filter((source) => source !== undefined);
  if (sources.length > 1)
    throw vivError(
      "usage",
      "A machine is made from one thing: an image, an ISO or a network boot folder.",
      "Give one of --image, --iso, --netboot.",
    );
  if (request.iso !== undefined) await requireIso(request.iso);
  if (request.netboot !== undefined) await requireNetboot(request.netboot, request.networks?.[0]?.mode ?? "nat");
  if (request.disk !== undefined) requireBytes(request.disk, "--disk");
  if (request.memory !== undefined) requireBytes(request.memory, "--memory");
}

async function requireNetboot(netboot: NetbootSource, mode: string): Promise<void> {
  if (mode !== "nat")
    throw vivError("usage", "A machine boots from the network by its first adapter, and that is not NAT.", "Put --network nat first.");
  if ("url" in netboot) return void requireWebAddress(netboot.url);
  await requireReadable(netboot.directory, "folder");
  if (netboot.file !== undefined) await requireReadable(join(netboot.directory, netboot.file), "file");
}

async function netbootOf(request: NewMachine, netboot: NetbootSource, draft: Definition, staging: string, work: Work): Promise<Netboot> {
  const machine = {
    architecture: draft.architecture,
    firmware: request.set.some((text) => text.startsWith("firmware")) ? draft.firmware.type : undefined,
    hasScreen: draft.display.type !== "none",
  };
  if ("url" in netboot) return netbootFromWeb(netboot, staging, machine, work);
  return netbootFromFolder(netboot.directory, netboot.file, machine);
}

async function requireReadable(path: string, kind: "file" | "folder"): Promise<void> {
  if (!isAbsolute(path)) throw vivError("usage", `“${path}” is not an absolute path.`);
  const found = await stat(path).catch(() => undefined);
  if (!found) throw vivError("not-found", `${path} does not exist.`);
  if (kind === "folder" ? !found.isDirectory() : !found.isFile()) throw vivError("usage", `${path} is not a ${kind}.`);
  await access(path, constants.R_OK).catch(() => {
    throw vivError("host-cannot", `${path} cannot be read.`, "Check its permissions.");
  });
}

/** An ISO has “CD001” at 32769 (ECMA-119 §8); anything else would only be found out by a guest that does not boot. */
async function requireIso(path: string): Promise<void> {
  await requireReadable(path, "file");
  const handle = await open(path, "r");
  try {
    const mark = Buffer.alloc(5);
    await handle.read(mark, 0, 5, 32_769);
    if (mark.toString("latin1") !== "CD001")
      throw vivError(
        "usage",
        `${path} is not an ISO image.`,
        "An HTML page or a cut-off download looks like this; check its size and checksum.",
      );
  } finally {
    await handle.close();
  }
}

async function storedImage(name: string, architecture: Architecture, context: CreateContext): Promise<Image> {
  return storeImage(await findImage(context.guestFolder, context.imageStore, name, architecture), context.imageStore);
}

function definitionFor(
  request: NewMachine,
  architecture: Architecture,
  image: Image | undefined,
  context: CreateContext,
  toolchain: Toolchain,
  netboot: Netboot | undefined,
): Definition {
  const definition = newDefinition(
    { ...request, architecture, image, netboot, cdrom: request.iso, hasDisk: image === undefined || image.disk !== undefined },
    { cores: context.cores, memoryBytes: context.memoryBytes, qemuVersion: toolchain.version },
  );
  return withFirstBoot(definition, request, image);
}

function withAssignments(definition: Definition, assignments: readonly string[]): Definition {
  const text = editDefinition(JSON.stringify(definition), assignments.map(parseAssignment));
  const parsed = parseDefinition(text);
  if ("problem" in parsed)
    throw vivError("invalid-definition", `The machine cannot be made: ${parsed.problem}.`, "Check the options and --set.");
  return { ...parsed.definition, name: definition.name, id: definition.id };
}

function requireCapacity(definition: Definition, context: CreateContext): void {
  const wanted = memoryBytes(definition);
  if (wanted > context.memoryBytes) {
    throw vivError(
      "not-enough-memory",
      `${definition.memory} of memory is more than this host has (${sizeText(Math.floor(context.memoryBytes / 1024 ** 2) * 1024 ** 2)}).`,
      "Ask for less: --memory 1G",
    );
  }
  if (definition.cpus > context.cores * 4) {
    throw vivError(
      "host-cannot",
      `${definition.cpus} processors are more than this host can run well (${context.cores} cores, at most four times as many).`,
      `Ask for fewer: --cpus ${context.cores}`,
    );
  }
}

async function fill(
  paths: MachinePaths,
  definition: Definition,
  request: NewMachine,
  image: Image | undefined,
  toolchain: Toolchain,
): Promise<void> {
  // All are waited for, so that none still writes when a failed one has the folder removed.
  const parts = await Promise.allSettled([
    makePrivateFolder(paths.logs),
    makeKeys(paths, definition).then(() => keepFirstBoot(paths, definition, request)),
    makeDisk(paths, definition, request, image),
    uefiFiles(paths, definition, toolchain),
    writeFileAtomically(paths.definition, definitionText(definition), { durable: true }),
    saveState(paths, emptyState(), { durable: true }),
  ]);
  const failures = parts.flatMap((part) => (part.status === "rejected" ? [part.reason as unknown] : []));
  // On a full disk each part fails in its own way; the one that says so is the reason.
  if (failures.length > 0) throw failures.find((failure) => asVivError(failure).code === "disk-full") ?? failures[0];
}

async function makeDisk(paths: MachinePaths, definition: Definition, request: NewMachine, image: Image | undefined): Promise<void> {
  const disk = definition.disks[0];
  if (!disk) return;
  const wanted = diskBytes(request.disk, image);
  if (image?.diskVirtualBytes !== undefined && wanted < image.diskVirtualBytes) {
    throw vivError(
      "usage",
      `A disk of ${request.disk} is smaller than the image's (${sizeText(image.diskVirtualBytes)}).`,
      `Ask for at least --disk ${sizeText(image.diskVirtualBytes)}`,
    );
  }
  const backing = image?.disk
    ? { backing: { file: relativeFromMachine(paths, join(image.folder, image.disk)), format: "qcow2" as const } }
    : {};
  // A disk has whole sectors.
  await makeQcow2(join(paths.folder, disk.file), { virtualBytes: Math.ceil(wanted / 512) * 512, ...backing }, { durable: true });
}

/** Relative, so that a home can be moved. The staging folder is as deep as the final one. */
function relativeFromMachine(paths: MachinePaths, file: string): string {
  return relative(paths.folder, file);
}
