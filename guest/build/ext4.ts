import { mkdtemp, rm, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { run, type Tools } from "./tools.ts";
import { sorted, type Tree } from "./tree.ts";

export interface Ext4Options {
  readonly sizeBytes: number;
  readonly label: string;
  /** File system identity; from the content, so that equal content gives an equal image. */
  readonly uuid: string;
  readonly modifiedSeconds: number;
}

/**
 * Makes an ext4 image without root: mke2fs formats, debugfs writes each entry, in a fixed order, owned by root.
 * (`mke2fs -d` would take the builder's user ids and the order of his directories.)
 */
export async function writeExt4(path: string, tree: Tree, options: Ext4Options, tools: Tools, temporary: string): Promise<void> {
  const environment = {
    E2FSPROGS_FAKE_TIME: String(options.modifiedSeconds),
    SOURCE_DATE_EPOCH: String(options.modifiedSeconds),
    MKE2FS_CONFIG: "/dev/null",
  };
  await writeFile(path, "");
  await truncate(path, options.sizeBytes);
  const features =
    "has_journal,extent,huge_file,flex_bg,metadata_csum,64bit,dir_nlink,extra_isize,resize_inode,dir_index,filetype,sparse_super,large_file,ext_attr";
  await run(
    tools.mke2fs,
    ["-q", "-F", "-t", "ext4", "-b", "4096", "-I", "256", "-i", "16384", "-m", "1", "-J", "size=16", "-O", `none,${features}`]
      .concat(["-U", options.uuid, "-L", options.label])
      .concat(["-E", `hash_seed=${options.uuid},root_owner=0:0,lazy_itable_init=0,lazy_journal_init=0,nodiscard`, path]),
    { environment },
  );
  const folder = await mkdtemp(join(temporary, "ext4-"));
  try {
    await run(tools.debugfs, ["-w", "-f", "-", path], { environment, input: await debugfsScript(tree, folder) });
    await run(tools.e2fsck, ["-f", "-n", path], { environment });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function debugfsScript(tree: Tree, folder: string): Promise<string> {
  const lines: string[] = [];
  let index = 0;
  for (const [path, entry] of sorted(tree)) {
    switch (entry.type) {
      case "directory":
        lines.push(`mkdir ${path}`, `set_inode_field ${path} mode 0${(0o040000 | entry.mode).toString(8)}`);
        break;
      case "file": {
        const source = join(folder, String(index++));
        await writeFile(source, entry.data);
        lines.push(`write ${source} ${path}`, `set_inode_field ${path} mode 0${(0o100000 | entry.mode).toString(8)}`);
        break;
      }
      case "symlink":
        lines.push(`symlink ${path} ${entry.target}`);
        break;
      case "character":
        // devtmpfs makes the device nodes of the running system.
        break;
    }
  }
  return `${lines.join("\n")}\n`;
}
