import { access, constants } from "node:fs/promises";
import type { Toolchain } from "../../backends/index.ts";
import {
  beginPartial,
  type CheckedImage,
  emptyState,
  limitsFor,
  type MachinePaths,
  makeKeys,
  makePrivateFolder,
  pauseForTest,
  requireImage,
  runLimited,
  saveState,
  syncFile,
  uefiFiles,
  type Work,
  writeFileAtomically,
} from "../../machine/index.ts";
import { type Architecture, type Definition, requireMachineName, sizeText, vivError } from "../../model/index.ts";
import { convertForeign, type DiskImageFormat } from "../../qemu/index.ts";
import { definitionText, newDefinition } from "../definitions.ts";
import { requireFree, type StagingContext, stageMachine } from "../staging.ts";
import { asForeign, type ForeignMachine, readForeignDefinition } from "./definitions/index.ts";
import { type Guess, guessMachine } from "./guess.ts";
import { isOva, readOva } from "./ova/read.ts";

export interface ImportRequest {
  /** Absolute. */
  readonly file: string;
  readonly name: string;
  readonly format?: Exclude<DiskImageFormat, "iso"> | "ova" | undefined;
  readonly architecture?: Architecture | undefined;
  readonly firmware?: "bios" | "uefi" | undefined;
}

export interface ImportContext extends StagingContext {
  readonly home: string;
  readonly hostArchitecture: Architecture;
  readonly cores: number;
  readonly memoryBytes: number;
  toolchain(): Promise<Toolchain>;
}

/** What is to be made, before anything is. */
interface Source {
  readonly disks: readonly CheckedImage[];
  readonly cpus?: number | undefined;
  readonly memoryBytes?: number | undefined;
  readonly firmware?: "bios" | "uefi" | undefined;
  readonly adapters?: number | undefined;
  /** A definition of another manager: what it says goes before what would be guessed. */
  readonly machine?: ForeignMachine | undefined;
  readonly notes: readonly string[];
}

/**
 * Makes a machine of an image file, an OVA, or another manager's definition (libvirt's XML, VirtualBox's .vbox): headers first, by us; then a limited qemu-img copies each disk into a qcow2
 * of our own, and only the copy is ever run.
 * @returns what was decided, for a person to read.
 * @throws VivError `untrusted-input` with the reason, `exists`, `invalid-name`, `disk-full`, `cancelled`, …
 */
export async function importMachine(
  request: ImportRequest,
  context: ImportContext,
  work: Work,
): Promise<{ name: string; notes: string[] }> {
  const name = requireMachineName(request.name);
  requireFree(context, name);
  const step = async (step: string, percent?: number) =>
    work.progress({ kind: "import", step, ...(percent === undefined ? {} : { percent }) });
  await step("reading the image");
  await pauseForTest("import", "reading the image");
  const source = await readSource(request, work);
  const first = source.disks[0];
  if (!first && !source.machine) throw vivError("untrusted-input", `${request.file} has no disk.`);
  const guess = first ? await guessMachine(first) : { architecture: undefined, firmware: undefined, because: "it has no disk" };
  const { definition, notes } = define(request, source, guess, context, await context.toolchain());
  await stageMachine(context, name, definition.id, (paths) => fill(paths, definition, source, context, work), work.signal);
  return { name, notes: [...source.notes, ...notes] };
}

async function readSource({ file, format }: ImportRequest, work: Work): Promise<Source> {
  const machine = format === undefined ? await readForeignDefinition(file) : undefined;
  if (machine) return foreignSource(machine);
  if (format === "ova" || (format === undefined && (await isOva(file)))) return ovaSource(file, work);
  const image = await requireImage({ file }, format);
  if (image.format === "iso")
    throw vivError("usage", `${file} is a CD image, not a disk.`, `Make a machine that boots it: viv create NAME --iso ${file}`);
  const { snapshots } = image.header;
  return {
    disks: [image],
    notes: snapshots.length === 0 ? [] : [`Its ${snapshots.length} internal snapshots were not taken over.`],
  };
}

async function foreignSource(machine: ForeignMachine): Promise<Source> {
  const disks: CheckedImage[] = [];
  for (const { file, format } of machine.disks) disks.push(await requireImage({ file }, format));
  const { cdrom, lost } = await mediumThere(machine.cdrom);
  return {
    disks,
    cpus: machine.cpus,
    memoryBytes: machine.memoryBytes,
    firmware: machine.firmware === "bios" ? "bios" : "uefi",
    adapters: machine.adapters.length,
    machine: { ...machine, cdrom },
    notes: [`It was a machine of ${machine.origin}: shut it down there before it starts here.`, ...machine.report, ...lost],
  };
}

/** A machine whose CD is gone would not start. */
async function mediumThere(cdrom: ForeignMachine["cdrom"]): Promise<{ cdrom: ForeignMachine["cdrom"]; lost: string[] }> {
  if (cdrom?.file === undefined) return { cdrom, lost: [] };
  const there = await access(cdrom.file, constants.R_OK).then(
    () => true,
    () => false,
  );
  return there ? { cdrom, lost: [] } : { cdrom: {}, lost: [`The CD in its drive is not there and was taken out: ${cdrom.file}`] };
}

async function ovaSource(file: string, work: Work): Promise<Source> {
  const { machine, disks, manifest } = await readOva(file, {
    signal: work.signal,
    onPercent: (percent) => work.progress({ kind: "import", step: "comparing checksums", percent }),
  });
  return {
    disks,
    cpus: machine.cpus,
    memoryBytes: machine.memoryBytes,
    firmware: machine.firmware,
    adapters: machine.adapters,
    notes: [
      manifest === "checked" ? "Its checksums hold." : "It has no manifest, so its checksums could not be compared.",
      ...(machine.ignored.length === 0 ? [] : [`Not taken over: ${machine.ignored.join(", ")}.`]),
    ],
  };
}

const mebibyte = 1024 ** 2;

function define(
  request: ImportRequest,
  source: Source,
  guess: Guess,
  context: ImportContext,
  toolchain: Toolchain,
): { definition: Definition; notes: string[] } {
  const architecture = request.architecture ?? source.machine?.architecture ?? guess.architecture ?? context.hostArchitecture;
  const firmware = architecture === "aarch64" ? "uefi" : (request.firmware ?? source.firmware ?? guess.firmware ?? "bios");
  const cpus = source.cpus === undefined ? undefined : Math.min(source.cpus, context.cores * 4, 256);
  const memory = source.memoryBytes === undefined ? undefined : memoryFor(source.memoryBytes, context);
  // Another hypervisor's guest may have no drivers for virtio, which would be a guest that does not boot.
  const foreign = architecture === "x86_64" && source.disks.some(({ format }) => format !== "qcow2" && format !== "raw");
  const base = newDefinition(
    { name: request.name, architecture, cpus, memory: memory === undefined ? undefined : sizeText(memory), hasDisk: true },
    { cores: context.cores, memoryBytes: context.memoryBytes, qemuVersion: toolchain.version },
  );
  const definition: Definition = {
    ...base,
    firmware: { type: firmware },
    disks: source.disks.map((_disk, index) => ({
      id: `disk${index}`,
      file: `disk${index}.qcow2`,
      format: "qcow2",
      bus: foreign ? "sata" : "virtio",
      readOnly: false,
    })),
    networks: (source.adapters === 0 ? [] : base.networks).map((network) => ({ ...network, model: foreign ? "e1000e" : "virtio" })),
  };
  if (source.machine) {
    const notes = notesOn({ ...request, architecture, firmware }, { ...source, adapters: undefined }, guess, definition, false);
    return { definition: asForeign(definition, source.machine, request.firmware), notes };
  }
  return { definition, notes: notesOn(request, source, guess, definition, foreign) };
}

function memoryFor(wanted: number, context: ImportContext): number {
  const most = Math.max(128 * mebibyte, Math.floor(context.memoryBytes / 2 / mebibyte) * mebibyte);
  return Math.min(Math.max(Math.ceil(wanted / mebibyte) * mebibyte, 32 * mebibyte), most);
}

function notesOn(request: ImportRequest, source: Source, guess: Guess, definition: Definition, foreign: boolean): string[] {
  const { architecture, firmware, name } = definition;
  const notes: string[] = [];
  const unsaid = request.architecture === undefined || request.firmware === undefined;
  if (unsaid)
    notes.push(
      `Taken for a machine of ${architecture} with ${firmware.type === "uefi" ? "UEFI" : "BIOS"} firmware: ${source.firmware ? "the OVF says so" : guess.because}.`,
    );
  if (foreign)
    notes.push(
      `Disks are on SATA and the network is an e1000e, as a guest of another hypervisor knows them; with virtio drivers in it, virtio is quicker: viv set ${name} disks.0.bus=virtio networks.0.model=virtio`,
    );
  if (source.memoryBytes !== undefined && definition.memory !== sizeText(source.memoryBytes))
    notes.push(`It was meant to have ${sizeText(source.memoryBytes)} of memory and got ${definition.memory}.`);
  if (source.cpus !== undefined && definition.cpus !== source.cpus)
    notes.push(`It was meant to have ${source.cpus} processors and got ${definition.cpus}.`);
  if ((source.adapters ?? 1) > 1) notes.push(`It was meant to have ${source.adapters} network adapters and got one.`);
  return notes;
}

async function fill(paths: MachinePaths, definition: Definition, source: Source, context: ImportContext, work: Work): Promise<void> {
  const toolchain = await context.toolchain();
  const partial = await beginPartial(context.home, paths.folder);
  try {
    for (const [index, image] of source.disks.entries()) {
      const file = `${paths.folder}/disk${index}.qcow2`;
      const step = source.disks.length === 1 ? "copying the disk" : `copying disk ${index + 1} of ${source.disks.length}`;
      work.progress({ kind: "import", step, percent: 0 });
      await runLimited(toolchain, convertForeign(image, { file, format: "qcow2" }), limitsFor(image.virtualBytes), {
        signal: work.signal,
        target: file,
        onPercent: (percent) => work.progress({ kind: "import", step, percent }),
        onStart: (process) => partial.writtenBy(process),
      });
      await pauseForTest("import", `copied ${index + 1}`);
      await syncFile(file);
    }
    work.progress({ kind: "import", step: "making keys" });
    await makePrivateFolder(paths.logs);
    await makeKeys(paths, definition);
    await uefiFiles(paths, definition, toolchain);
    await writeFileAtomically(paths.definition, definitionText(definition), { durable: true });
    await saveState(paths, emptyState(), { durable: true });
    await pauseForTest("import", "putting it in place");
  } finally {
    await partial.done();
  }
}
