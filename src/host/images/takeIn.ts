import { randomUUID } from "node:crypto";
import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import type { Toolchain } from "../../backends/index.ts";
import { beginPartial, type CheckedImage, limitsFor, pauseForTest, requireImage, runLimited, type Work } from "../../machine/index.ts";
import { type Architecture, vivError } from "../../model/index.ts";
import { convertForeign, type DiskImageFormat } from "../../qemu/index.ts";
import type { Home } from "../home.ts";
import { guessMachine } from "../transfer/guess.ts";
import { removeIfUnused } from "./care.ts";
import { compressionOf, decompress } from "./decompress.ts";
import type { Image, ImageOrigin } from "./record.ts";
import { addImage, readRecord, recordFile } from "./store.ts";

/** What an image is to be called and what is known of it. */
export interface TakeIn {
  readonly name: string;
  readonly title: string;
  readonly description?: string | undefined;
  readonly format?: DiskImageFormat | undefined;
  readonly architecture?: Architecture | undefined;
  readonly firmware?: "bios" | "uefi" | undefined;
  readonly login?: string | undefined;
  readonly minimumMemoryBytes?: number | undefined;
  readonly firstBoot?: "cloud-init" | "none" | undefined;
  readonly agents?: readonly string[] | undefined;
  readonly notes?: readonly string[] | undefined;
  /** An image of this name and architecture gives way; machines that are built on it keep its content. */
  readonly replace: boolean;
  /** How errors call the file. */
  readonly fileName: string;
}

export interface StoreContext {
  readonly home: Home;
  readonly hostArchitecture: Architecture;
  toolchain(): Promise<Toolchain>;
}

/** The largest disk that comes out of a compressed file. */
const largestUnpackedBytes = 512 * 1024 ** 3;
const usualMemoryBytes = 512 * 1024 ** 2;

/**
 * Puts somebody else's image file into the store: unpacked, its header read by us, then copied by a limited qemu-img; only
 * the copy is ever run.
 * @returns the image and what was decided, for a person to read.
 */
export async function takeIn(
  file: string,
  wanted: TakeIn,
  origin: (image: CheckedImage) => ImageOrigin,
  context: StoreContext,
  work: Work,
  kind: string,
): Promise<{ image: Image; notes: string[] }> {
  const { home } = context;
  return unpackedFile(file, wanted.fileName, home, work, kind, async (plain) => {
    work.progress({ kind, step: "reading the image" });
    const source = await requireImage({ file: plain }, wanted.format, wanted.fileName);
    if (source.format === "iso")
      throw vivError("usage", `${wanted.fileName} is a CD image, not a disk.`, "Make a machine that boots it: viv create NAME --iso FILE");
    const guess = await guessMachine(source);
    const architecture = wanted.architecture ?? guess.architecture ?? context.hostArchitecture;
    const firmware = architecture === "aarch64" ? "uefi" : (wanted.firmware ?? guess.firmware ?? "bios");
    const before = await readRecord(recordFile(home.images, wanted.name, architecture));
    if (before && !wanted.replace)
      throw vivError(
        "exists",
        `There is an image ${wanted.name} for ${architecture} already.`,
        "Choose another name, or replace it: --replace",
      );
    const toolchain = await context.toolchain();
    const image = await addImage(
      home.folder,
      home.images,
      {
        name: wanted.name,
        title: wanted.title,
        ...(wanted.description === undefined ? {} : { description: wanted.description }),
        architecture,
        firmware,
        diskVirtualBytes: source.virtualBytes,
        minimumMemoryBytes: wanted.minimumMemoryBytes ?? usualMemoryBytes,
        login: wanted.login ?? "root",
        firstBoot: wanted.firstBoot ?? "none",
        agents: [...(wanted.agents ?? [])],
        notes: [...(wanted.notes ?? [])],
        addedAt: new Date().toISOString(),
        origin: origin(source),
      },
      work.signal,
      async (target, partial) => {
        const step = "copying the disk";
        work.progress({ kind, step, percent: 0 });
        await pauseForTest(kind, step);
        await runLimited(toolchain, convertForeign(source, { file: target, format: "qcow2" }), limitsFor(source.virtualBytes), {
          signal: work.signal,
          target,
          onPercent: (percent) => work.progress({ kind, step, percent }),
          onStart: (process) => partial.writtenBy(process),
        });
        await pauseForTest(kind, "copied");
        work.progress({ kind, step: "computing its checksum" });
      },
    );
    if (before) await removeIfUnused(before.content, home);
    return { image, notes: notesOn(wanted, guess.because, image, source) };
  });
}

function notesOn(wanted: TakeIn, because: string, image: Image, source: CheckedImage): string[] {
  const snapshots = source.header.snapshots.length;
  return [
    ...(wanted.firmware === undefined || wanted.architecture === undefined
      ? [`Taken for an image of ${image.architecture} with ${image.firmware === "uefi" ? "UEFI" : "BIOS"} firmware: ${because}.`]
      : []),
    ...(snapshots === 0 ? [] : [`Its ${snapshots} internal snapshots were not taken over.`]),
  ];
}

/** A compressed file is unpacked into a folder of its own for as long as it is read. */
async function unpackedFile<T>(
  file: string,
  name: string,
  home: Home,
  work: Work,
  kind: string,
  use: (plain: string) => Promise<T>,
): Promise<T> {
  const compression = await compressionOf(file);
  if (compression === undefined) return use(file);
  const folder = join(home.cache, `unpacking-${randomUUID()}`);
  const partial = await beginPartial(home.folder, folder);
  try {
    await mkdir(folder, { mode: 0o700 });
    const plain = join(folder, "image");
    const step = `unpacking (${compression})`;
    let told = -1;
    work.progress({ kind, step, percent: 0 });
    await decompress(file, plain, compression, name, {
      signal: work.signal,
      maximumBytes: largestUnpackedBytes,
      progress: (percent) => {
        if (percent !== told) work.progress({ kind, step, percent });
        told = percent;
      },
    });
    return await use(plain);
  } finally {
    await rm(folder, { recursive: true, force: true });
    await partial.done();
  }
}
