import { readdir, readFile } from "node:fs/promises";
import { join, relative } from "node:path";
import { FACTS, PROGRAMS } from "./content.ts";
import { type KernelModule, modulesAlias, modulesDep } from "./modules.ts";
import type { Architecture } from "./packages.ts";
import { addDirectory, addFile, addSymlink, type Tree } from "./tree.ts";
import { type Kernel, libraries, type Unpacked } from "./unpacked.ts";

const TRIPLET: Readonly<Record<Architecture, string>> = { x86_64: "x86_64-linux-gnu", aarch64: "aarch64-linux-gnu" };

/**
 * The guest's file tree without busybox and kernel modules. Those come with the kernel, in the initramfs, which puts
 * them in place at each boot: a disk goes on with whatever kernel it is started with, and they are shipped once.
 * `without` leaves programs out, by name.
 */
export async function systemTree(
  architecture: Architecture,
  unpacked: Unpacked,
  rootfs: string,
  without: ReadonlySet<string> = new Set(),
): Promise<Tree> {
  const tree: Tree = new Map();
  for (const path of [
    "/dev",
    "/proc",
    "/sys",
    "/run",
    "/mnt",
    "/usr/bin",
    "/usr/lib/modules",
    "/etc/dropbear",
    "/var/lib/vivarium",
    "/var/log",
    "/home",
    "/srv",
  ]) {
    addDirectory(tree, path);
  }
  addDirectory(tree, "/root", 0o700);
  addDirectory(tree, "/tmp", 0o1777);
  addDirectory(tree, "/var/tmp", 0o1777);
  addSymlink(tree, "/var/run", "../run");
  addSymlink(tree, "/bin", "usr/bin");
  addSymlink(tree, "/sbin", "usr/bin");
  addSymlink(tree, "/lib", "usr/lib");
  addSymlink(tree, "/lib64", "usr/lib");
  addSymlink(tree, "/usr/sbin", "bin");
  addSymlink(tree, "/etc/mtab", "/proc/self/mounts");

  await addPrograms(tree, architecture, unpacked, without);
  await addOwnFiles(tree, rootfs, FACTS[architecture].serial);
  return tree;
}

async function addPrograms(tree: Tree, architecture: Architecture, unpacked: Unpacked, without: ReadonlySet<string>): Promise<void> {
  const busybox = await required(unpacked, "/usr/bin/busybox");
  for (const name of busyboxApplets(busybox)) addSymlink(tree, `/usr/bin/${name}`, "busybox");

  const programs: Buffer[] = [];
  for (const path of PROGRAMS) {
    const name = path.replace(/^.*\//, "");
    if (without.has(name)) continue;
    const data = await required(unpacked, path);
    programs.push(data);
    addFile(tree, `/usr/bin/${name}`, data, 0o755);
  }
  const links = { ssh: "dbclient", "mkfs.ext4": "mke2fs" };
  for (const [name, target] of Object.entries(links)) {
    if (!without.has(target)) addSymlink(tree, `/usr/bin/${name}`, target);
  }
  for (const [path, data] of await libraries(programs, TRIPLET[architecture], unpacked)) {
    // The dynamic linker is named by its place in the old tree (/lib64, /lib), which are links here.
    addFile(tree, path.replace(/^\/lib(64)?\//, "/usr/lib/"), data, 0o755);
  }
}

/** Files of guest/rootfs: programs are those that start with `#!`, whatever the checkout's modes are. */
async function addOwnFiles(tree: Tree, rootfs: string, serial: string): Promise<void> {
  const entries = await readdir(rootfs, { recursive: true, withFileTypes: true });
  for (const entry of entries.filter((candidate) => candidate.isFile())) {
    const source = join(entry.parentPath, entry.name);
    const text = (await readFile(source, "utf8")).replaceAll("@SERIAL@", serial);
    const path = `/${relative(rootfs, source)}`;
    const mode = text.startsWith("#!") ? 0o755 : path === "/etc/shadow" ? 0o600 : 0o644;
    addFile(tree, path, text, mode);
  }
  addSymlink(tree, "/etc/resolv.conf", "../run/resolv.conf");
}

/** `/usr/lib/modules`: the modules and the tables busybox's modprobe reads. */
export function modulesTree(kernel: Kernel, modules: ReadonlyMap<string, KernelModule>): Tree {
  const tree: Tree = new Map();
  const base = `/usr/lib/modules/${kernel.version}`;
  for (const module of modules.values()) addFile(tree, `${base}/${module.path}`, module.data);
  addFile(tree, `${base}/modules.dep`, modulesDep(modules));
  addFile(tree, `${base}/modules.alias`, modulesAlias(modules));
  addFile(tree, `${base}/modules.symbols`, "");
  addFile(tree, `${base}/modules.builtin`, kernel.builtin);
  return tree;
}

/** Names of busybox's commands: a table of zero-terminated strings, `[` and `[[` first, ended by an empty one. */
export function busyboxApplets(busybox: Buffer): string[] {
  const start = busybox.indexOf("[\0[[\0", 0, "latin1");
  const end = busybox.indexOf("\0\0", start, "latin1");
  if (start < 0 || end < 0) throw new Error("busybox has no table of commands");
  return busybox
    .toString("latin1", start, end)
    .split("\0")
    .filter((name) => name !== "busybox");
}

async function required(unpacked: Unpacked, path: string): Promise<Buffer> {
  const data = await unpacked.read(path);
  if (!data) throw new Error(`no package has ${path}`);
  return data;
}
