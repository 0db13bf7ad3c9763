import { section } from "./elf.ts";

/** What a kernel module says about itself in its `.modinfo`. */
export interface ModuleInfo {
  readonly depends: readonly string[];
  readonly aliases: readonly string[];
}

/** One module file of the kernel package. */
export interface KernelModule extends ModuleInfo {
  readonly name: string;
  /** Path below `/lib/modules/VERSION`, as it is stored: `….ko` or `….ko.xz`. */
  readonly path: string;
  readonly data: Buffer;
}

/** The kernel treats `-` and `_` in module names alike. */
export function moduleName(pathOrName: string): string {
  return pathOrName
    .replace(/^.*\//, "")
    .replace(/\.ko(?:\.xz|\.zst|\.gz)?$/, "")
    .replaceAll("-", "_");
}

export function parseModinfo(data: Buffer): ModuleInfo {
  const fields = (section(data, ".modinfo") ?? Buffer.alloc(0)).toString("latin1").split("\0");
  const values = (name: string) => fields.filter((field) => field.startsWith(`${name}=`)).map((field) => field.slice(name.length + 1));
  return {
    depends: values("depends").flatMap((list) => list.split(",").filter(Boolean).map(moduleName)),
    aliases: values("alias"),
  };
}

/** Reads a module by name; undefined when it is built into the kernel. Throws when the kernel has no such module. */
export type ModuleSource = (name: string) => Promise<KernelModule | undefined>;

/** The modules wanted and everything they depend on, by name. Built-in ones fall out. */
export async function closure(wanted: readonly string[], source: ModuleSource): Promise<Map<string, KernelModule>> {
  const found = new Map<string, KernelModule>();
  const builtIn = new Set<string>();
  const queue = wanted.map(moduleName);
  for (let name = queue.shift(); name !== undefined; name = queue.shift()) {
    if (found.has(name) || builtIn.has(name)) continue;
    const loaded = await source(name);
    if (!loaded) {
      builtIn.add(name);
      continue;
    }
    found.set(name, loaded);
    queue.push(...loaded.depends);
  }
  return new Map([...found].sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** `modules.dep`: one line a module, its dependencies after it, the ones to load first last. */
export function modulesDep(modules: ReadonlyMap<string, KernelModule>): string {
  const lines = [...modules.values()].map((module) => {
    const order: string[] = [];
    const visit = (name: string) => {
      const dependency = modules.get(name);
      if (!dependency || order.includes(dependency.path)) return;
      for (const below of dependency.depends) visit(below);
      order.push(dependency.path);
    };
    for (const name of module.depends) visit(name);
    return `${module.path}:${order
      .reverse()
      .map((path) => ` ${path}`)
      .join("")}\n`;
  });
  return lines.join("");
}

/** `modules.alias`: which module drives which device. */
export function modulesAlias(modules: ReadonlyMap<string, KernelModule>): string {
  const lines: string[] = [];
  for (const [name, module] of modules) {
    for (const alias of module.aliases) lines.push(`alias ${alias} ${name}\n`);
  }
  return lines.join("");
}
