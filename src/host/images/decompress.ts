import { createReadStream } from "node:fs";
import { open, stat } from "node:fs/promises";
import { Readable } from "node:stream";
import * as zlib from "node:zlib";
import { humanBytes, vivError } from "../../model/index.ts";

export type Compression = "xz" | "gzip" | "zstd" | "bzip2";

const marks: readonly [Compression, Buffer][] = [
  ["xz", Buffer.of(0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00)],
  ["gzip", Buffer.of(0x1f, 0x8b)],
  ["zstd", Buffer.of(0x28, 0xb5, 0x2f, 0xfd)],
  ["bzip2", Buffer.from("BZh")],
];

/** By the file's first bytes, never by its name. */
export async function compressionOf(file: string): Promise<Compression | undefined> {
  const handle = await open(file, "r");
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(8), 0, 8, 0);
    return marks.find(([, mark]) => buffer.subarray(0, Math.min(bytesRead, mark.length)).equals(mark))?.[0];
  } finally {
    await handle.close();
  }
}

export interface DecompressOptions {
  readonly signal: AbortSignal;
  readonly maximumBytes: number;
  readonly progress?: (percent: number) => void;
}

/**
 * Unpacks a file into `target`, which must not exist; parts that are all zeroes take no room.
 * @param name how an error calls it
 * @throws VivError `untrusted-input` (damaged, cut off, larger than allowed), `host-cannot` (bzip2; zstd on an old runtime), `disk-full`.
 */
export async function decompress(
  file: string,
  target: string,
  compression: Compression,
  name: string,
  options: DecompressOptions,
): Promise<number> {
  const { size } = await stat(file);
  const source = createReadStream(file, { highWaterMark: 1 << 18, signal: options.signal });
  const handle = await open(target, "wx", 0o600);
  let bytes = 0;
  try {
    for await (const part of await unpacked(source, compression, name)) {
      options.signal.throwIfAborted();
      const chunk = Buffer.from(part.buffer, part.byteOffset, part.byteLength);
      if (bytes + chunk.length > options.maximumBytes)
        throw vivError(
          "untrusted-input",
          `${name} unpacks to more than ${humanBytes(options.maximumBytes)}.`,
          "That is no disk image, or made to do harm.",
        );
      await writeSparsely(handle, chunk, bytes);
      bytes += chunk.length;
      options.progress?.(Math.min(99, Math.floor((source.bytesRead / Math.max(size, 1)) * 100)));
    }
    if (bytes === 0)
      throw vivError("untrusted-input", `${name} is empty once it is unpacked.`, "Get the file again, and compare its checksum.");
    await handle.truncate(bytes);
  } catch (error) {
    options.signal.throwIfAborted();
    throw explained(error, name);
  } finally {
    source.destroy();
    await handle.close();
  }
  return bytes;
}

async function unpacked(source: Readable, compression: Compression, name: string): Promise<AsyncIterable<Uint8Array>> {
  if (compression === "gzip") return forwarding(source, zlib.createGunzip({ chunkSize: 1 << 18 }));
  if (compression === "xz") {
    const { XzReadableStream } = await xzModule();
    return new XzReadableStream(Readable.toWeb(source) as never) as unknown as AsyncIterable<Uint8Array>;
  }
  const { createZstdDecompress } = zlib as { createZstdDecompress?: (options: { chunkSize: number }) => zlib.Gunzip };
  if (compression === "zstd" && createZstdDecompress) return forwarding(source, createZstdDecompress({ chunkSize: 1 << 18 }));
  throw vivError(
    "host-cannot",
    `${name} is compressed with ${compression}, which is not unpacked here.`,
    "Unpack it first, then import the file.",
  );
}

/** CommonJS: Node hands its exports over as the default, a bundle by name. */
async function xzModule(): Promise<typeof import("xz-decompress")> {
  const loaded = (await import("xz-decompress")) as typeof import("xz-decompress") & { default?: typeof import("xz-decompress") };
  return loaded.default ?? loaded;
}

/** As pipe(), with errors of the source. */
function forwarding(source: Readable, unpack: zlib.Gunzip): AsyncIterable<Uint8Array> {
  source.on("error", (error) => unpack.destroy(error));
  return source.pipe(unpack);
}

const blockBytes = 65_536;
const zeroes = Buffer.alloc(blockBytes);

async function writeSparsely(handle: Awaited<ReturnType<typeof open>>, chunk: Buffer, position: number): Promise<void> {
  let start = 0;
  while (start < chunk.length) {
    // To the next border of a block, so that holes are whole.
    const end = Math.min(chunk.length, start + blockBytes - ((position + start) % blockBytes));
    const block = chunk.subarray(start, end);
    if (!block.equals(zeroes.subarray(0, block.length))) await handle.write(block, 0, block.length, position + start);
    start = end;
  }
}

function explained(error: unknown, name: string): unknown {
  const { name: kind = "", code = "", message = "" } = error as { name?: string; code?: string; message?: string };
  if (kind === "VivError" || kind === "AbortError" || /^E[A-Z]+$/.test(code)) return error;
  return vivError(
    "untrusted-input",
    `${name} is damaged or cut off (${message || code}).`,
    "Get the file again, and compare its checksum.",
    error,
  );
}
