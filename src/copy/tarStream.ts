import { createHash, type Hash } from "node:crypto";
import { lstat, mkdir, symlink, unlink } from "node:fs/promises";
import { join } from "node:path";
import { type Readable, Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import { extract, type ReadEntry } from "tar";
import { vivError } from "../model/index.ts";

/** Between two looks at what comes from a guest; it may send for ever. */
const lookEveryBytes = 64 * 1024 * 1024;

/** Counts and hashes what passes. `look` is asked now and then whether it may go on; it throws when not. */
export class Meter extends Transform {
  bytes = 0;
  readonly #hash: Hash = createHash("sha256");
  readonly #told: (bytes: number) => void;
  readonly #look: () => Promise<void>;
  #nextLook = 0;

  constructor(told: (bytes: number) => void, look: () => Promise<void> = async () => undefined) {
    super({ highWaterMark: 1024 * 1024 });
    this.#told = told;
    this.#look = look;
  }

  override _transform(chunk: Buffer, _encoding: string, done: (error: Error | null, chunk?: Buffer) => void): void {
    this.bytes += chunk.length;
    this.#hash.update(chunk);
    this.#told(this.bytes);
    if (this.bytes < this.#nextLook) {
      done(null, chunk);
      return;
    }
    this.#nextLook = this.bytes + lookEveryBytes;
    this.#look().then(() => done(null, chunk), done);
  }

  /** Once, after the end. */
  sha256(): string {
    return this.#hash.digest("hex");
  }
}

/** What a guest may put on this host: files, folders and links, inside the folder. */
const welcome: ReadonlySet<string> = new Set(["File", "OldFile", "ContiguousFile", "Directory", "SymbolicLink", "Link"]);

/**
 * Unpacks a guest's archive into a folder of this host. The guest is not believed: names that lead out of the folder,
 * links that are written through and devices are refused.
 * @throws VivError `untrusted-input`, `disk-full`, `io-error`.
 */
export async function unpack(archive: Readable, folder: string, options: { rename?: Rename } = {}): Promise<Unpacked> {
  let entries = 0;
  let files = 0;
  let bytes = 0;
  let refused: string | undefined;
  const links: Link[] = [];
  const target = extract({
    cwd: folder,
    strict: true,
    preserveOwner: false,
    filter: (_path, either) => {
      const entry = either as ReadEntry;
      if (options.rename) renamed(entry, options.rename);
      const { type, linkpath, path } = entry;
      const outside = path.startsWith("/") || path.split("/").includes("..");
      if (outside || !welcome.has(type)) refused ??= `${path} (${outside ? "leads out of the folder" : type})`;
      else if (path.includes(unreadable)) refused ??= `${path} (its name is not UTF-8)`;
      else entries += 1;
      if (entries > entryLimit) refused ??= `more than ${entryLimit} entries`;
      if (type !== "Directory" && type !== "SymbolicLink") {
        files += 1;
        bytes += entry.size;
      }
      if (refused === undefined && type === "SymbolicLink") links.push({ path, target: linkpath ?? "" });
      return refused === undefined && type !== "SymbolicLink";
    },
  });
  try {
    await pipeline(archive, target as unknown as NodeJS.WritableStream);
    if (refused === undefined) await makeLinks(folder, links);
  } catch (error) {
    throw explained(error as NodeJS.ErrnoException, folder);
  }
  if (refused !== undefined) throw vivError("untrusted-input", `The guest sent ${JSON.stringify(refused)}, which is not taken.`);
  return { entries, files, bytes };
}

/** What a name becomes whose bytes are no UTF-8: this host could only make another one of it. */
const unreadable = "\ufffd";
const entryLimit = 10_000_000;

export interface Unpacked {
  readonly entries: number;
  readonly files: number;
  /** Of content. */
  readonly bytes: number;
}

/** The archive's root is called otherwise here. */
interface Rename {
  readonly from: string;
  readonly to: string;
}

function renamed(entry: ReadEntry, { from, to }: Rename): void {
  const other = (path: string) => (path === from || path.startsWith(`${from}/`) ? `${to}${path.slice(from.length)}` : path);
  entry.path = other(entry.path);
  if (entry.type === "Link" && entry.linkpath !== undefined) entry.linkpath = other(entry.linkpath);
}

interface Link {
  readonly path: string;
  readonly target: string;
}

/**
 * Links are made when everything else is there, so that nothing was written through one, and with their targets as they
 * are in the guest (the library would change absolute ones).
 */
async function makeLinks(folder: string, links: readonly Link[]): Promise<void> {
  for (const { path, target } of links) {
    const parts = path.split("/").filter((part) => part !== "" && part !== ".");
    const name = parts.pop();
    if (name === undefined) throw vivError("untrusted-input", "The guest sent a link without a name.");
    let parent = folder;
    for (const part of parts) {
      parent = join(parent, part);
      await mkdir(parent).catch(() => undefined);
      if (!(await lstat(parent)).isDirectory())
        throw vivError("untrusted-input", `The guest sent ${JSON.stringify(path)}, which lies behind a link.`);
    }
    const place = join(parent, name);
    const there = await lstat(place).catch(() => undefined);
    if (there?.isDirectory())
      throw vivError("io-error", `${place} is a folder; the guest has a link there.`, "Remove it, or copy to another place.");
    if (there) await unlink(place);
    await symlink(target, place);
  }
}

function explained(error: NodeJS.ErrnoException, folder: string): Error {
  if (error.code === "ENOSPC" || error.code === "EDQUOT")
    return vivError("disk-full", `${folder}: the disk is full.`, "Free some space and copy again.", error);
  if (error.code === "EACCES" || error.code === "EPERM")
    return vivError("io-error", `${folder} cannot be written to: ${error.message}`, "Check its owner and permissions.", error);
  if (/TAR_/.test(error.code ?? ""))
    return vivError("untrusted-input", `The guest's answer is refused: ${error.message}`, undefined, error);
  return error;
}
