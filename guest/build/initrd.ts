import { constants, zstdCompressSync } from "node:zlib";
import { cpio } from "./cpio.ts";
import { run, type Tools } from "./tools.ts";
import { add, addFile, addSymlink, type Tree } from "./tree.ts";

/** Commands `/init` and the kernel need before there is a system. Others it finds inside busybox. */
const EARLY_COMMANDS = ["sh", "modprobe"];

export interface InitrdParts {
  readonly init: string;
  readonly busybox: Buffer;
  readonly agent: Buffer;
  /** `/usr/lib/modules`, rarely used ones still packed with xz. */
  readonly modules: Tree;
  /** The system for a machine without a disk. */
  readonly system: Tree;
}

/**
 * The initrd: two archives one after the other, which the kernel unpacks itself. What every boot reads is packed with
 * zstd; what is packed already (xz modules, and the system as one xz file, which only a machine without a disk opens)
 * is stored, so that a boot from disk pays a copy of a few megabytes for it and nothing else.
 */
export async function buildInitrd(parts: InitrdParts, modifiedSeconds: number, tools: Tools): Promise<Buffer> {
  const packed: Tree = new Map();
  const stored: Tree = new Map();
  addFile(packed, "/init", parts.init, 0o755);
  addFile(packed, "/usr/bin/busybox", parts.busybox, 0o755);
  addFile(packed, "/usr/bin/viv-agent", parts.agent, 0o755);
  for (const command of EARLY_COMMANDS) addSymlink(packed, `/usr/bin/${command}`, "busybox");
  for (const name of ["bin", "sbin", "lib"]) addSymlink(packed, `/${name}`, name === "lib" ? "usr/lib" : "usr/bin");
  for (const path of ["/dev", "/proc", "/sys", "/root"]) add(packed, path, { type: "directory", mode: 0o755 });
  add(packed, "/dev/console", { type: "character", mode: 0o600, major: 5, minor: 1 });
  for (const [path, entry] of parts.modules) {
    add(entry.type === "file" && path.endsWith(".xz") ? stored : packed, path, entry);
  }
  const system = await run(tools.xz, ["-c", "--check=crc32", "--lzma2=preset=9e", "-T1"], { input: cpio(parts.system, modifiedSeconds) });
  addFile(stored, "/system.cpio.xz", system);
  return Buffer.concat([align(cpio(stored, modifiedSeconds)), compress(cpio(packed, modifiedSeconds))]);
}

/** zstd: the kernel unpacks it several times faster than xz, which counts under emulation. */
function compress(archive: Buffer): Buffer {
  return zstdCompressSync(archive, {
    params: { [constants.ZSTD_c_compressionLevel]: 19, [constants.ZSTD_c_windowLog]: 23 },
  });
}

/** The kernel looks for the next archive behind zeros. */
function align(archive: Buffer): Buffer {
  return Buffer.concat([archive, Buffer.alloc((512 - (archive.length % 512)) % 512)]);
}
