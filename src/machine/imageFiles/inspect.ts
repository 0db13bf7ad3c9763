import { realpath, stat } from "node:fs/promises";
import { dirname, resolve, sep } from "node:path";
import {
  type GuestContent,
  type ImageBytes,
  type ImageHeader,
  type Partition,
  Refused,
  readImageHeader,
  readPartitions,
} from "../../qemu/index.ts";
import { allocatedBytes } from "../disks/layout.ts";
import { withBytes } from "./open.ts";

export interface Inspection {
  readonly header: ImageHeader;
  readonly fileBytes: number;
  readonly allocatedBytes: number;
  /** Backing files as absolute paths, this file's first. */
  readonly chain: readonly { readonly file: string; readonly format: string | null }[];
  readonly partitions: readonly Partition[];
}

const chainLimit = 64;

/**
 * What an image file says about itself, read by us alone. A backing file is read too where it is one of ours or lies
 * beside the image; any other is only named.
 * @throws what `withBytes` throws
 */
export async function inspectImage(file: string, home: string): Promise<Inspection> {
  const ours = [`${await realpath(home).catch(() => home)}${sep}`, `${await realpath(dirname(file)).catch(() => dirname(file))}${sep}`];
  return withBytes({ file }, async (bytes) => {
    const header = await readImageHeader(bytes);
    const chain: { file: string; format: string | null }[] = [];
    const partitions = await below(file, header, chain, ours, (content) => partitionsOf(header, content));
    return { header, fileBytes: bytes.size, allocatedBytes: (await allocatedBytes(file)) ?? bytes.size, chain, partitions };
  });
}

/** Opens the chain under an image, one file inside the other, and closes all when `use` is done. */
async function below<T>(
  file: string,
  header: ImageHeader,
  chain: { file: string; format: string | null }[],
  ours: readonly string[],
  use: (content: GuestContent | undefined) => Promise<T>,
): Promise<T> {
  const { backing } = header;
  if (backing === undefined) return use(header.content?.());
  const next = resolve(dirname(file), backing.file);
  chain.push({ file: next, format: backing.format ?? null });
  const real = await realpath(next).catch(() => undefined);
  const isOurs = real !== undefined && ours.some((folder) => real.startsWith(folder)) && (await stat(real)).isFile();
  const format = backing.format === "raw" || backing.format === "qcow2" ? backing.format : undefined;
  if (!isOurs || format === undefined || chain.length >= chainLimit) return use(undefined);
  return withBytes({ file: next }, async (bytes: ImageBytes) => {
    const lower = await readImageHeader(bytes, format);
    return below(next, lower, chain, ours, (content) => use(content && header.content?.(content)));
  });
}

async function partitionsOf(header: ImageHeader, content: GuestContent | undefined): Promise<Partition[]> {
  if (content === undefined || header.virtualBytes === undefined) return [];
  return readPartitions(content, header.virtualBytes).catch((error: unknown) => {
    if (error instanceof Refused) return [];
    throw error;
  });
}
