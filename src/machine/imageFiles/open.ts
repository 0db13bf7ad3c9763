import { open, stat } from "node:fs/promises";
import { vivError } from "../../model/index.ts";
import { type DiskImageFormat, type ForeignImage, type ImageBytes, type ImageHeader, readImageHeader } from "../../qemu/index.ts";

/** A file that is read while `use` runs, or a part of one. */
export interface ImageSource {
  /** Absolute. */
  readonly file: string;
  readonly part?: ForeignImage["part"];
}

/** @throws VivError `not-found`, `usage` for what is no plain file (a FIFO would never answer), `io-error`. */
export async function withBytes<T>({ file, part }: ImageSource, use: (bytes: ImageBytes) => Promise<T>): Promise<T> {
  const found = await stat(file).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT" || error.code === "ENOTDIR") throw vivError("not-found", `There is no file ${file}.`);
    throw unreadable(file, error);
  });
  if (!found.isFile()) throw vivError("usage", `${file} is not a file.`, "Give an image file.");
  const handle = await open(file, "r").catch((error: NodeJS.ErrnoException) => {
    throw unreadable(file, error);
  });
  try {
    const [start, size] = part === undefined ? [0, (await handle.stat()).size] : [part.offset, part.bytes];
    return await use({
      size,
      async read(offset, length) {
        const wanted = Math.max(0, Math.min(length, size - offset));
        const buffer = Buffer.alloc(wanted);
        const { bytesRead } = await handle.read(buffer, 0, wanted, start + offset);
        return buffer.subarray(0, bytesRead);
      },
    });
  } finally {
    await handle.close();
  }
}

function unreadable(file: string, error: NodeJS.ErrnoException): Error {
  return vivError("io-error", `${file} cannot be read: ${error.message}`, "Check its owner and permissions.", error);
}

export interface CheckedImage extends ForeignImage {
  readonly header: ImageHeader;
  readonly virtualBytes: number;
}

/**
 * An image of somebody else's whose header we have read and would take in.
 * @param name how an error calls it; the file when absent
 * @throws VivError `untrusted-input` with the reason, and what `withBytes` throws.
 */
export async function requireImage(source: ImageSource, format?: DiskImageFormat, name = source.file): Promise<CheckedImage> {
  const header = await withBytes(source, (bytes) => readImageHeader(bytes, format));
  if (header.refused !== undefined || header.virtualBytes === undefined)
    throw vivError("untrusted-input", `${name} ${header.refused ?? "does not say how large it is"}.`, hintFor(header));
  return { ...source, format: header.format, header, virtualBytes: header.virtualBytes };
}

function hintFor({ backing, refused = "" }: ImageHeader): string {
  if (backing !== undefined || /differs from another|other files|another file/.test(refused))
    return "Where its other files are, make a whole image of it: qemu-img convert -O qcow2 FILE WHOLE.qcow2";
  if (/encrypted/.test(refused)) return "Decrypt it first, with the program that made it.";
  if (/compressed|archive/.test(refused)) return "Unpack it first.";
  if (/cut off|damaged|empty/.test(refused)) return "Get the file again, and compare its checksum.";
  if (/no disk image/.test(refused)) return "If it is a raw disk all the same, say so: --format raw";
  return "Convert it with the program that made it.";
}
