import type { Toolchain } from "../../backends/index.ts";
import {
  allocatedBytes,
  limitsFor,
  pauseForTest,
  publishFile,
  requireImage,
  runLimited,
  type Work,
  withBytes,
} from "../../machine/index.ts";
import { vivError } from "../../model/index.ts";
import { checkForeign, convertForeign, type ExportFormat, type ImageCheck, readImageHeader } from "../../qemu/index.ts";

/** Where image files are checked and converted. */
export interface ImageContext {
  /** The home folder, which keeps note of what is half-made. */
  readonly home: string;
  toolchain(): Promise<Toolchain>;
}

const checkable = ["qcow2", "vdi", "vmdk", "vhdx"];

/**
 * Checks an image's tables. One that is built on another is checked for itself.
 * @throws VivError `untrusted-input`, `usage` for formats without tables, `locked` while something writes to it.
 */
export async function checkImageFile(file: string, context: ImageContext, work: Work): Promise<ImageCheck> {
  const header = await withBytes({ file }, (bytes) => readImageHeader(bytes));
  if (header.content === undefined || header.virtualBytes === undefined)
    throw vivError("untrusted-input", `${file} ${header.refused ?? "does not say how large it is"}.`);
  if (!checkable.includes(header.format))
    throw vivError("usage", `${file} is a ${header.format} image, which has no tables to check.`, "Compare its checksum instead.");
  work.progress({ kind: "check", step: "checking" });
  return runLimited(await context.toolchain(), checkForeign({ file, format: header.format }), limitsFor(header.virtualBytes), work);
}

export interface Conversion {
  readonly file: string;
  readonly target: string;
  readonly format: ExportFormat;
  readonly overwrite: boolean;
}

/** Writes an image in another format, whole or not at all. @throws what `requireImage`, `publishFile` and `runLimited` throw. */
export async function convertImageFile(
  { file, target, format, overwrite }: Conversion,
  context: ImageContext,
  work: Work,
): Promise<{ file: string; bytes: number }> {
  const image = await requireImage({ file });
  const toolchain = await context.toolchain();
  await publishFile(context.home, target, overwrite, async (temporary, partial) => {
    await runLimited(toolchain, convertForeign(image, { file: temporary, format }), limitsFor(image.virtualBytes), {
      signal: work.signal,
      target: temporary,
      onPercent: (percent) => work.progress({ kind: "convert", step: "converting", percent }),
      onStart: (process) => partial.writtenBy(process),
    });
    await pauseForTest("convert", "converted");
    work.signal.throwIfAborted();
  });
  return { file: target, bytes: (await allocatedBytes(target)) ?? 0 };
}
