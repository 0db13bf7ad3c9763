/**
 * Words of the header parsers. A parser reads what it needs of a file by `ImageBytes`, keeps every offset inside the
 * file, and says in words why an image is not taken in. Nothing here opens a file or follows a name.
 */

export const imageFormats = ["qcow2", "raw", "vmdk", "vdi", "vhdx", "vpc", "iso"] as const;
export type DiskImageFormat = (typeof imageFormats)[number];

/** A file's bytes. `read` returns fewer at the file's end. */
export interface ImageBytes {
  readonly size: number;
  read(offset: number, length: number): Promise<Buffer>;
}

/** What the guest sees: `length` bytes at `offset`, zeroes where nothing was written. */
export type GuestContent = (offset: number, length: number) => Promise<Buffer>;

export interface ImageFact {
  readonly name: string;
  readonly value: string;
}

/** A snapshot inside a qcow2 file. */
export interface InternalSnapshot {
  readonly id: string;
  readonly name: string;
  /** ISO 8601, UTC. */
  readonly createdAt: string;
  readonly memoryBytes: number;
}

export interface ImageHeader {
  readonly format: DiskImageFormat;
  /** Absent where the header cannot be read that far. */
  readonly virtualBytes?: number;
  /** As written in the image. */
  readonly backing?: { readonly file: string; readonly format?: string };
  readonly snapshots: readonly InternalSnapshot[];
  readonly facts: readonly ImageFact[];
  /** Why it is not taken in; completes the sentence “FILE …”. */
  readonly refused?: string;
  /** Absent where it cannot be read. `below` gives what the image itself does not hold. */
  readonly content?: (below?: GuestContent) => GuestContent;
}

/** Larger disks are a mistake or an attack: tables are sized by it. */
export const largestVirtualBytes = 2 ** 50;

/** Thrown by a parser, caught by `readImageHeader` alone. The message completes the sentence “FILE …”. */
export class Refused extends Error {}

export function refuse(reason: string): never {
  throw new Refused(reason);
}
