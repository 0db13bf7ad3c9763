import { createHash, type Hash } from "node:crypto";
import { lstat, mkdir, symlink, unlink } from "node:fs/promises";
import { join } from "node:path";
import { Readable, Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import { create, extract, type ReadEntry } from "tar";
import { vivError } from "../model/index.ts";

/** Counts and hashes what passes. */
export class Meter extends Transform {
  bytes = 0;
  readonly #hash: Hash = createHash("sha256");
  readonly #told: (bytes: number) => void;

  constructor(told: (bytes: number) => void) {
    super();
    this.#told = told;
  }

  override _transform(chunk: Buffer, _encoding: string, done: (error: null, chunk: Buffer) => void): void {
    this.bytes += chunk.length;
    this.#hash.update(chunk);
    this.#told(this.bytes);
    done(null, chunk);
  }

  /** Once, after the end. */
  sha256(): string {
    return this.#hash.digest("hex");
  }
}

/** A file or tree of this host as an archive in which it is called `name`. Links are kept, never followed. */
export function pack(folder: string, base: string, name: string): Readable {
  const archive = create(
    {
      cwd: folder,
      noMtime: false,
      onWriteEntry: (entry) => {
        if (entry.path === base || entry.path.startsWith(`${base}/`)) entry.path = `${name}${entry.path.slice(base.length)}`;
        // A link that shares a file inside the tree names it as the archive does.
        if (entry.type === "Link" && entry.linkpath?.startsWith(`${base}/`)) entry.linkpath = `${name}${entry.linkpath.slice(base.length)}`;
      },
    },
    [`./${base}`.replace(/^\.\//, "")],
  );
  return Readable.from(archive as AsyncIterable<Buffer>);
}

/** What a guest may put on this host: files, folders and links, inside the folder. */
const welcome: ReadonlySet<string> = new Set(["File", "OldFile", "ContiguousFile", "Directory", "SymbolicLink", "Link"]);

/**
 * Unpacks a guest's archive into a folder of this host. The guest is not believed: names that lead out of the folder,
 * links that are written through and devices are refused.
 * @throws VivError `untrusted-input`, `disk-full`, `io-error`.
 */
export async function unpack(archive: Readable, folder: string): Promise<{ entries: number }> {
  let entries = 0;
  let refused: string | undefined;
  const links: Link[] = [];
  const target = extract({
    cwd: folder,
    strict: true,
    preserveOwner: false,
    filter: (path, entry) => {
      const { type, linkpath } = entry as ReadEntry;
      const outside = path.startsWith("/") || path.split("/").includes("..");
      if (outside || !welcome.has(type)) refused ??= `${path} (${outside ? "leads out of the folder" : type})`;
      else entries += 1;
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
  return { entries };
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
