import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { rm, stat } from "node:fs/promises";
import { extname } from "node:path";
import { pipeline } from "node:stream/promises";
import type { Toolchain } from "../../backends/index.ts";
import {
  beginPartial,
  limitsFor,
  type Machine,
  type Operation,
  type Partial,
  type Point,
  publishFile,
  runLimited,
  type Work,
  wholeChain,
  withPoint,
} from "../../machine/index.ts";
import { memoryBytes, vivError } from "../../model/index.ts";
import { convertChain, type ImageTarget } from "../../qemu/index.ts";
import { writeOva } from "./ova/write.ts";

const formats = ["qcow2", "raw", "vmdk", "vdi", "ova"] as const;
export type ExportFileFormat = (typeof formats)[number];

export interface ExportRequest {
  /** Absolute. */
  readonly file: string;
  /** Absent: by the file's name. */
  readonly format?: ExportFileFormat | undefined;
  readonly disk?: string | undefined;
  readonly snapshot?: string | undefined;
  readonly overwrite: boolean;
}

export interface ExportContext {
  readonly home: string;
  toolchain(): Promise<Toolchain>;
}

/**
 * Writes a disk, or as OVA the whole machine, to a file: whole or not at all, and nothing but what the guest sees. Keys,
 * firmware variables and the TPM stay here.
 * @throws VivError `wrong-state` for the present of a machine that runs, `not-found`, `usage`, `exists`, `disk-full`, `damaged`.
 */
export async function exportMachine(
  machine: Machine,
  request: ExportRequest,
  context: ExportContext,
  work: Work,
): Promise<{ file: string; bytes: number; sha256: string }> {
  const format = formatOf(request);
  if (request.snapshot === undefined) requireAtRest(machine);
  return withPoint(machine, "export", { snapshot: request.snapshot, linked: false }, work, async (point, operation) => {
    const toolchain = await context.toolchain();
    const sha256 = await publishFile(context.home, request.file, request.overwrite, async (temporary, partial) => {
      const job: Job = { point, operation, toolchain, home: context.home };
      if (format === "ova") await exportOva(job, temporary);
      else await exportDisk(job, diskOf(point, request.disk), { file: temporary, format }, partial);
      await operation.step("computing the checksum", { record: {} });
      const hash = createHash("sha256");
      await pipeline(createReadStream(temporary), hash, { signal: operation.signal });
      await operation.step("putting it in place", { record: {} });
      operation.signal.throwIfAborted();
      return hash.digest("hex");
    });
    return { file: request.file, bytes: (await stat(request.file)).size, sha256 };
  });
}

function formatOf({ file, format }: ExportRequest): ExportFileFormat {
  if (format !== undefined) return format;
  const extension = extname(file).slice(1).toLowerCase();
  const found = formats.find((each) => each === (extension === "img" ? "raw" : extension));
  if (found) return found;
  throw vivError("usage", `“${file}” does not say its format.`, `Add --format ${formats.join("|")}.`);
}

function requireAtRest(machine: Machine): void {
  const { state } = machine.view.status;
  if (!machine.state.run && !machine.state.suspended) return;
  throw vivError(
    "wrong-state",
    `${machine.name} is ${state}: what it has in memory would be missing from its disks.`,
    `Stop it first (viv stop ${machine.name}), or export a snapshot: --snapshot NAME`,
  );
}

interface Job {
  readonly point: Point;
  readonly operation: Operation;
  readonly toolchain: Toolchain;
  readonly home: string;
}

function diskOf({ machine, definition }: Point, wanted: string | undefined): string {
  const found = wanted === undefined ? definition.disks[0] : definition.disks.find(({ id }) => id === wanted);
  if (found) return found.id;
  const there = definition.disks.map(({ id }) => id).join(", ");
  throw vivError(
    "not-found",
    `${machine.name} has no disk${wanted === undefined ? "" : ` ${wanted}`} there.`,
    there === "" ? undefined : `There is: ${there}.`,
  );
}

async function exportDisk({ point, operation, toolchain }: Job, disk: string, target: ImageTarget, partial: Partial): Promise<void> {
  const step = `writing ${disk}`;
  await operation.step(step, { percent: 0, record: {} });
  await runLimited(toolchain, convertChain(await wholeChain(point, disk), target), limitsFor(virtualBytesOf(point, disk)), {
    signal: operation.signal,
    target: target.file,
    onPercent: (percent) => void operation.step(step, { percent }),
    onStart: (process) => partial.writtenBy(process),
  });
}

function virtualBytesOf(point: Point, disk: string): number {
  return point.graph.layers.get(point.layers[disk] ?? "")?.virtualBytes ?? 0;
}

/** Each disk as a compressed stream beside the archive, then into it: room for one disk more is needed, not for all. */
async function exportOva(job: Job, temporary: string): Promise<void> {
  const { definition, machine } = job.point;
  if (definition.firmware.type === "direct-kernel")
    throw vivError(
      "host-cannot",
      `${machine.name} is started with a kernel that is not on its disk, and an OVA has no place for one: no other hypervisor could boot it.`,
      `Export its disk (--format qcow2 or vmdk), and give the other program the kernel ${definition.firmware.kernel}, or install a system that boots by itself.`,
    );
  if (definition.disks.length === 0) throw vivError("wrong-state", `${machine.name} has no disk.`);
  const disks = definition.disks.map(({ id }) => ({ id, virtualBytes: virtualBytesOf(job.point, id) }));
  await writeOva(
    temporary,
    {
      name: machine.name,
      cpus: definition.cpus,
      memoryBytes: memoryBytes(definition),
      uefi: definition.firmware.type !== "bios",
      adapters: definition.networks.length,
      disks,
    },
    async (id) => {
      const file = `${temporary}.vmdk`;
      const partial = await beginPartial(job.home, file);
      const done = async () => {
        await rm(file, { force: true });
        await partial.done();
      };
      await exportDisk(job, id, { file, format: "vmdk", streamOptimized: true }, partial).catch(async (error: unknown) => {
        await done();
        throw error;
      });
      return { file, done };
    },
    job.operation.signal,
  );
}
