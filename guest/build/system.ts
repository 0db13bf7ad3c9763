import { readdir, readFile } from "node:fs/promises";
import { join, relative } from "node:path";
import { FACTS, PROGRAMS } from "./content.ts";
import { type KernelModule, modulesAlias, modulesDep } from "./modules.ts";
import type { Architecture } from "./packages.ts";
import { add, addDirectory, addFile, addSymlink, type Tree } from "./tree.ts";
import { type Kernel, libraries, type Unpacked } from "./unpacked.ts";

const TRIPLET: Readonly<Record<Architecture, string>> = { x86_64: "x86_64-linux-gnu", aarch64: "aarch64-linux-gnu" };

/** The guest's whole file tree; the disk and the initramfs differ in the modules and in `/init`. */
export async function systemTree(
	architecture: Architecture,
	unpacked: Unpacked,
	kernel: Kernel,
	modules: ReadonlyMap<string, KernelModule>,
	rootfs: string,
): Promise<Tree> {
	const tree: Tree = new Map();
	for (const path of ["/dev", "/proc", "/sys", "/run", "/mnt", "/usr/bin", "/usr/lib", "/etc/dropbear", "/var/lib/vivarium", "/var/log", "/home", "/srv"]) {
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

	await addPrograms(tree, architecture, unpacked);
	await addOwnFiles(tree, rootfs, FACTS[architecture].serial);
	addModules(tree, kernel, modules);
	return tree;
}

async function addPrograms(tree: Tree, architecture: Architecture, unpacked: Unpacked): Promise<void> {
	const busybox = await required(unpacked, "/usr/bin/busybox");
	for (const name of busyboxApplets(busybox)) addSymlink(tree, `/usr/bin/${name}`, "busybox");
	addFile(tree, "/usr/bin/busybox", busybox, 0o755);

	const programs: Buffer[] = [];
	for (const path of PROGRAMS) {
		const data = await required(unpacked, path);
		programs.push(data);
		addFile(tree, `/usr/bin/${path.replace(/^.*\//, "")}`, data, 0o755);
	}
	addSymlink(tree, "/usr/bin/ssh", "dbclient");
	for (const name of ["ext2", "ext3", "ext4"]) {
		addSymlink(tree, `/usr/bin/mkfs.${name}`, "mke2fs");
		addSymlink(tree, `/usr/bin/fsck.${name}`, "e2fsck");
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

function addModules(tree: Tree, kernel: Kernel, modules: ReadonlyMap<string, KernelModule>): void {
	const base = `/usr/lib/modules/${kernel.version}`;
	for (const module of modules.values()) addFile(tree, `${base}/${module.path}`, module.data);
	addFile(tree, `${base}/modules.dep`, modulesDep(modules));
	addFile(tree, `${base}/modules.alias`, modulesAlias(modules));
	addFile(tree, `${base}/modules.symbols`, "");
	const builtin = kernel.files.get("modules.builtin");
	if (builtin) addFile(tree, `${base}/modules.builtin`, builtin);
}

/** The initramfs: the same system, entered through `/init`. */
export function initramfsTree(system: Tree, init: string): Tree {
	const tree: Tree = new Map(system);
	addFile(tree, "/init", init, 0o755);
	add(tree, "/dev/console", { type: "character", mode: 0o600, major: 5, minor: 1 });
	return tree;
}

/** Names of busybox's commands: a table of zero-terminated strings, `[` and `[[` first, ended by an empty one. */
export function busyboxApplets(busybox: Buffer): string[] {
	const start = busybox.indexOf("[\0[[\0", 0, "latin1");
	const end = busybox.indexOf("\0\0", start, "latin1");
	if (start < 0 || end < 0) throw new Error("busybox has no table of commands");
	return busybox.toString("latin1", start, end).split("\0").filter((name) => name !== "busybox");
}

async function required(unpacked: Unpacked, path: string): Promise<Buffer> {
	const data = await unpacked.read(path);
	if (!data) throw new Error(`no package has ${path}`);
	return data;
}
