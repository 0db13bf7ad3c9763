import { sorted, type Tree } from "./tree.ts";

const FILE_TYPE = { directory: 0o040000, file: 0o100000, symlink: 0o120000, character: 0o020000 } as const;

/**
 * A cpio archive in the kernel's "newc" form (Documentation/driver-api/early-userspace/buffer-format.rst): everything
 * owned by root, one time stamp, sorted, so that equal trees give equal bytes.
 */
export function cpio(tree: Tree, modifiedSeconds: number): Buffer {
  const parts: Buffer[] = [];
  let inode = 0;
  for (const [path, entry] of sorted(tree)) {
    inode += 1;
    const data = entry.type === "file" ? entry.data : entry.type === "symlink" ? Buffer.from(entry.target) : Buffer.alloc(0);
    const permissions = entry.type === "symlink" ? 0o777 : entry.mode;
    const device = entry.type === "character" ? ([entry.major, entry.minor] as const) : ([0, 0] as const);
    parts.push(
      header({
        name: path.slice(1),
        inode,
        mode: FILE_TYPE[entry.type] | permissions,
        links: entry.type === "directory" ? 2 : 1,
        modifiedSeconds,
        size: data.length,
        device,
      }),
      pad(data),
    );
  }
  parts.push(header({ name: "TRAILER!!!", inode: 0, mode: 0, links: 1, modifiedSeconds: 0, size: 0, device: [0, 0] }));
  return Buffer.concat(parts);
}

interface Header {
  readonly name: string;
  readonly inode: number;
  readonly mode: number;
  readonly links: number;
  readonly modifiedSeconds: number;
  readonly size: number;
  readonly device: readonly [major: number, minor: number];
}

function header(fields: Header): Buffer {
  const name = Buffer.from(`${fields.name}\0`);
  const numbers = [
    fields.inode,
    fields.mode,
    0, // uid
    0, // gid
    fields.links,
    fields.modifiedSeconds,
    fields.size,
    0, // device of the archive
    0,
    ...fields.device,
    name.length,
    0, // checksum, unused in this form
  ];
  const text = `070701${numbers.map((number) => number.toString(16).padStart(8, "0")).join("")}`;
  return pad(Buffer.concat([Buffer.from(text), name]));
}

/** Fills up to a multiple of four bytes. */
function pad(data: Buffer): Buffer {
  const missing = (4 - (data.length % 4)) % 4;
  return missing === 0 ? data : Buffer.concat([data, Buffer.alloc(missing)]);
}
