import { closeSync, fstatSync, openSync, readSync, statSync } from "node:fs";
import { realpath, stat } from "node:fs/promises";
import { dirname, join, relative, resolve, sep } from "node:path";
import { type Definition, type Disk, vivError } from "../../model/index.ts";
import type { BackingImage, DiskIo, DiskLayout } from "../../qemu/index.ts";
import { parseQcow2Header, type Qcow2Header } from "../../qemu/index.ts";
import type { MachinePaths } from "../folder.ts";
import { type CurrentImage, currentImage, loadSnapshots } from "../layers.ts";

/** Longest chain of overlays that is followed; longer ones are merged by snapshots long before. */
const chainLimit = 64;

/** How QEMU reads and writes the images of every machine. */
export const diskIo: DiskIo = { aio: "threads", direct: false };

/**
 * What the headers of a machine's disks say, read by us and never probed by QEMU. Every backing file must lie inside
 * `home`: an image that points anywhere else could show a guest the host's files.
 * @throws VivError `damaged` for a disk that is missing or no image, `untrusted-input` for a foreign backing file.
 */
export async function diskLayouts(definition: Definition, paths: MachinePaths, home: string): Promise<Record<string, DiskLayout>> {
  const { current } = await loadSnapshots(paths);
  const entries = await Promise.all(
    definition.disks.map(
      async (disk): Promise<[string, DiskLayout]> => [
        disk.id,
        await diskLayout({ id: disk.id, ...currentImage(paths, current.layers, disk) }, home),
      ],
    ),
  );
  return Object.fromEntries(entries);
}

/** The image a disk of a machine is in now. */
export async function currentDisk(machine: { readonly paths: MachinePaths }, disk: Disk): Promise<CurrentImage> {
  return currentImage(machine.paths, (await loadSnapshots(machine.paths)).current.layers, disk);
}

/** The same for one disk. */
export async function diskLayout(
  disk: CurrentImage & Pick<Disk, "id">,
  home: string,
  options: { evenCorrupt?: boolean } = {},
): Promise<DiskLayout> {
  const { file, format } = disk;
  if (format === "raw") {
    await requirePresent(disk, file);
    return { file, format, backingChain: [] };
  }
  const top = await readHeader(disk, file, options);
  const backingChain: BackingImage[] = [];
  const inside = (await realpath(home)) + sep;
  let current = { file, header: top };
  while (current.header.backingFile !== undefined) {
    if (backingChain.length >= chainLimit)
      throw vivError("damaged", `Disk ${disk.id}: its chain of overlays is longer than ${chainLimit}.`);
    const next = resolve(dirname(current.file), current.header.backingFile);
    // Links resolved: a link inside the home may lead anywhere.
    if (!(await realpath(next).catch(() => join(inside, relative(home, next)))).startsWith(inside)) {
      throw vivError(
        "untrusted-input",
        `Disk ${disk.id}: ${current.file} is built on ${next}, outside Vivarium's home.`,
        "Import the image, so that it is checked and copied.",
      );
    }
    const below = current.header.backingFormat === "raw" ? "raw" : "qcow2";
    if (below === "raw") {
      await requirePresent(disk, next);
      backingChain.push({ file: next, format: below });
      break;
    }
    current = { file: next, header: await readHeader(disk, next, options) };
    backingChain.push({ file: next, format: below, virtualBytes: current.header.virtualBytes });
  }
  return { file, format, backingChain, virtualBytes: top.virtualBytes };
}

async function requirePresent(disk: Pick<Disk, "id">, file: string): Promise<void> {
  const found = await stat(file).catch(() => undefined);
  if (!found?.isFile()) throw missing(disk, file);
  if (found.size === 0)
    throw vivError("damaged", `Disk ${disk.id}: ${file} is empty.`, "Restore the file from a backup, or remove the disk from vm.json.");
}

function missing(disk: Pick<Disk, "id">, file: string): Error {
  return vivError("damaged", `Disk ${disk.id}: ${file} is missing.`, "Restore the file from a backup, or remove the disk from vm.json.");
}

/** Reads the first cluster's worth of header; 64 KiB holds every header extension and backing name QEMU writes. */
export async function readHeader(disk: Pick<Disk, "id">, file: string, options: { evenCorrupt?: boolean } = {}): Promise<Qcow2Header> {
  const { head, size } = headOf(disk, file);
  const parsed = parseQcow2Header(head, size);
  if ("problem" in parsed) {
    throw vivError(
      "damaged",
      `Disk ${disk.id}: ${file} ${parsed.problem}.`,
      "Restore the file from a backup, or remove the disk from vm.json.",
    );
  }
  if (parsed.externalData)
    throw vivError(
      "untrusted-input",
      `Disk ${disk.id}: ${file} keeps its data in another file.`,
      "Import the image, so that it is checked and copied.",
    );
  if (parsed.corrupt && !options.evenCorrupt)
    throw vivError(
      "damaged",
      `Disk ${disk.id}: ${file} is marked as corrupt.`,
      `Check and repair it before the machine starts: viv disk check NAME ${disk.id} --repair all`,
    );
  return parsed;
}

/** Read at once, as records are (storage.ts): a chain has many layers, and each is looked at after the one above it. */
function headOf(disk: Pick<Disk, "id">, file: string): { head: Buffer; size: number } {
  const found = statSync(file, { throwIfNoEntry: false });
  // A pipe would never answer.
  if (!found?.isFile()) throw missing(disk, file);
  let handle: number;
  try {
    handle = openSync(file, "r");
  } catch (error) {
    throw vivError(
      "io-error",
      `Disk ${disk.id}: ${file} cannot be read: ${(error as Error).message}`,
      "Check its owner and permissions.",
      error,
    );
  }
  try {
    const { size } = fstatSync(handle);
    const head = Buffer.alloc(Math.min(size, 65_536));
    readSync(handle, head, 0, head.length, 0);
    return { head, size };
  } finally {
    closeSync(handle);
  }
}

/** Bytes of the host a file takes (sparse parts do not count). */
export async function allocatedBytes(file: string): Promise<number | undefined> {
  const found = await stat(file).catch(() => undefined);
  return found === undefined ? undefined : found.blocks === undefined ? found.size : found.blocks * 512;
}
