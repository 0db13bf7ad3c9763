import { access, mkdir, readdir, readFile, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { interpreter, isElf, neededLibraries } from "./elf.ts";
import { closure, type KernelModule, moduleName, parseModinfo } from "./modules.ts";
import type { ResolvedPackage } from "./packages.ts";
import { run, type Tools } from "./tools.ts";

/** Packages unpacked side by side, each in a folder of the cache named by its hash. */
export interface Unpacked {
  /** Content of a file by its path in the package, links followed. Undefined when no package has it. */
  read(path: string): Promise<Buffer | undefined>;
  readonly kernelFolder: string;
  /** Where a package was unpacked. */
  folder(name: string): string;
}

export async function unpack(packages: readonly ResolvedPackage[], cache: string, tools: Tools): Promise<Unpacked> {
  const folders: string[] = [];
  const byName = new Map<string, string>();
  let kernelFolder: string | undefined;
  for (const entry of packages) {
    const folder = join(cache, `${entry.name}-${entry.sha256.slice(0, 16)}`);
    if (!(await exists(folder))) {
      const partial = `${folder}.${process.pid}`;
      await rm(partial, { recursive: true, force: true });
      await mkdir(partial, { recursive: true });
      await run(tools["dpkg-deb"], ["-x", entry.deb, partial]);
      await rename(partial, folder).catch(async (error: unknown) => {
        await rm(partial, { recursive: true, force: true });
        // Another build was faster.
        if (!(await exists(folder))) throw error;
      });
    }
    folders.push(folder);
    byName.set(entry.name, folder);
    if (entry.kernel) kernelFolder = folder;
  }
  if (!kernelFolder) throw new Error("no kernel among the packages");
  return {
    kernelFolder,
    folder(name) {
      const folder = byName.get(name);
      if (folder === undefined) throw new Error(`${name} is not among the packages`);
      return folder;
    },
    async read(path) {
      for (const folder of folders) {
        const data = await readFile(join(folder, path)).catch(() => undefined);
        if (data) return data;
      }
      return undefined;
    },
  };
}

/** The dynamic linker and every shared library the programs need, by the name they ask for. */
export async function libraries(programs: readonly Buffer[], triplet: string, unpacked: Unpacked): Promise<Map<string, Buffer>> {
  const found = new Map<string, Buffer>();
  const queue = programs.flatMap(neededLibraries);
  const linkers = new Set(programs.map(interpreter).filter((path) => path !== undefined));
  for (const linker of linkers) {
    const name = linker.replace(/^.*\//, "");
    const data = await unpacked.read(`/usr/lib/${triplet}/${name}`);
    if (!data) throw new Error(`no package has the dynamic linker ${linker}`);
    found.set(linker, data);
  }
  const loaded = new Set<string>();
  for (let name = queue.shift(); name !== undefined; name = queue.shift()) {
    // The linker itself is asked for by name as well.
    if (loaded.has(name) || [...linkers].some((linker) => linker.endsWith(`/${name}`))) continue;
    loaded.add(name);
    const data = await unpacked.read(`/usr/lib/${triplet}/${name}`);
    if (!data || !isElf(data)) throw new Error(`no package of the list has the library ${name}; add it to PACKAGES`);
    found.set(`/usr/lib/${triplet}/${name}`, data);
    queue.push(...neededLibraries(data));
  }
  return found;
}

export interface Kernel {
  readonly version: string;
  readonly image: Buffer;
  /** `modules.builtin` as the kernel package has it. */
  readonly builtin: string;
  /** The modules wanted with their dependencies; those of `hot` and their dependencies unpacked. */
  modules(wanted: readonly string[], hot: readonly string[]): Promise<Map<string, KernelModule>>;
}

export async function openKernel(folder: string, tools: Tools): Promise<Kernel> {
  const [version] = await readdir(join(folder, "usr/lib/modules"));
  if (!version) throw new Error("the kernel package has no modules");
  const base = join(folder, "usr/lib/modules", version);
  const listed = (await readdir(base, { recursive: true })).filter((path) => /\.ko\.xz$/.test(path));
  const byName = new Map(listed.map((path) => [moduleName(path), path]));
  const builtin = await readFile(join(base, "modules.builtin"), "utf8");
  const builtinNames = new Set(builtin.split("\n").filter(Boolean).map(moduleName));
  const source = async (name: string): Promise<KernelModule | undefined> => {
    const packed = byName.get(name);
    if (!packed) {
      if (builtinNames.has(name)) return undefined;
      throw new Error(`kernel ${version} has no module ${name}`);
    }
    const data = await run(tools.xz, ["-dc", join(base, packed)]);
    return { name, path: packed.replace(/\.xz$/, ""), data, ...parseModinfo(data) };
  };
  const modules = async (wanted: readonly string[], hot: readonly string[]): Promise<Map<string, KernelModule>> => {
    const plain = await closure(hot, source);
    const all = await closure(wanted, source);
    for (const [name, module] of all) {
      if (plain.has(name)) continue;
      const path = `${module.path}.xz`;
      all.set(name, { ...module, path, data: await readFile(join(base, path)) });
    }
    return all;
  };
  return {
    version,
    image: await readFile(join(folder, "boot", `vmlinuz-${version}`)),
    builtin,
    modules,
  };
}

function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
