import { readFile } from "node:fs/promises";
import { posix } from "node:path";
import type { BundleFirmware, BundlePackage, BundleProgram } from "../../src/backends/manifest.ts";
import { openAptRoot } from "./apt.ts";
import { type CollectedFile, type Collection, type ProgramWord, programOf } from "./collection.ts";
import { licenseOf } from "./copyright.ts";
import { type PackageTree, packageTree, unpackDeb } from "./deb.ts";
import { readElfNeeds } from "./elf.ts";
import { BundleError } from "./errors.ts";
import { sha256 } from "./hash.ts";
import { libraryClosure } from "./libraries.ts";
import { type PackageRecord, packageClosure } from "./packages.ts";
import {
  type Architecture,
  commonData,
  excludedPackages,
  type Guest,
  guests,
  keymaps,
  type LinuxHost,
  linuxHosts,
  modules,
  openedLibraries,
  rootPackages,
  tools,
  wanted,
} from "./recipe.ts";
import { forgetHostPaths } from "./relocate.ts";

export type DebianOptions = {
  cache: string;
  /** Fetch the package lists even when they are recent. */
  refresh: boolean;
  /** Node's binary: its libraries come along, so that it runs on a host without glibc too. */
  node: string;
  progress: (line: string) => void;
};

/** Collects QEMU for a Linux host from Debian's packages: the parts `qemu` and `emulator-<other architecture>`. */
export async function collectDebian(platform: LinuxHost["platform"], options: DebianOptions): Promise<Collection> {
  const host = linuxHosts[platform];
  const other: Architecture = host.architecture === "x86_64" ? "aarch64" : "x86_64";
  const apt = await openAptRoot(options.cache, host.debian, options.refresh);
  const roots = [...rootPackages, ...guests.x86_64.packages, ...guests.aarch64.packages];
  const records = await packageClosure(roots, excludedPackages, apt.show);
  const mebibytes = Math.round(records.reduce((sum, record) => sum + record.bytes, 0) / 2 ** 20);
  options.progress(`${records.length} Debian packages (${mebibytes} MiB)`);
  const debs = await apt.download(records);
  const folders = new Map<string, string>();
  const recipe = sha256(wanted.toString()).slice(0, 8);
  for (const [index, record] of records.entries()) {
    folders.set(record.name, await unpackDeb(debs[index] ?? "", options.cache, record.sha256, recipe, wanted));
  }
  const assembly = new Assembly(host, packageTree(folders));
  await assembly.addTools();
  assembly.addNode(options.node);
  await assembly.addGuest(host.architecture, "qemu");
  await assembly.addGuest(other, `emulator-${other}`);
  await assembly.addCommonData();
  await assembly.addLibraries();
  return assembly.finish(records, `emulator-${other}`);
}

/** Gathers files while remembering which package each came from. */
class Assembly {
  readonly #host: LinuxHost;
  readonly #tree: PackageTree;
  readonly #files: CollectedFile[] = [];
  readonly #programs: Record<string, BundleProgram> = {};
  readonly #firmware: Collection["firmware"] = {};
  /** ELF files whose libraries have to come along. */
  readonly #elfFiles: string[] = [];
  /** Package name → the part which first used it. */
  readonly #usedPackages = new Map<string, string>();

  constructor(host: LinuxHost, tree: PackageTree) {
    this.#host = host;
    this.#tree = tree;
  }

  async addTools(): Promise<void> {
    for (const [name, path] of Object.entries(tools)) await this.#addProgram(name, path, "qemu");
    for (const name of modules) {
      const source = `usr/lib/${this.#host.triplet}/qemu/${name}`;
      this.#elfFiles.push(await this.#add("qemu", source, `qemu/modules/${name}`, true));
    }
  }

  /** Node by the bundle's loader, for hosts without glibc. `process.execPath` is the loader's path there. */
  addNode(binary: string): void {
    this.#elfFiles.push(binary);
    this.#programs["node-with-loader"] = programOf("runtime", [...this.#loaderWords("node"), { path: "runtime/node" }]);
  }

  async addGuest(architecture: Architecture, part: string): Promise<void> {
    const guest = guests[architecture];
    await this.#addProgram(`qemu-system-${architecture}`, guest.emulator, part);
    for (const path of guest.data) await this.#addData(part, path);
    this.#firmware[architecture] = await this.#addFlash(guest, part);
  }

  async addCommonData(): Promise<void> {
    for (const path of commonData) await this.#addData("qemu", path);
    for (const path of await this.#tree.list(keymaps)) {
      await this.#add("qemu", path, `qemu/share/qemu/keymaps/${posix.basename(path)}`, false);
    }
    // swtpm's OpenSSL would otherwise read the host's configuration, which may load the host's modules.
    const empty = Buffer.from("# Empty on purpose: the host's OpenSSL configuration is not read.\n");
    this.#files.push({ part: "qemu", path: "qemu/etc/openssl.cnf", content: { bytes: empty }, executable: false });
  }

  async addLibraries(): Promise<void> {
    const opened = [this.#host.loader, ...openedLibraries];
    for (const name of opened) this.#elfFiles.push((await this.#findLibrary(name)).file);
    const needed = await libraryClosure(
      this.#elfFiles,
      async (file) => readElfNeeds(await readFile(file), file).needed,
      async (name) => (await this.#findLibrary(name)).file,
    );
    for (const name of [...new Set([...opened, ...needed.keys()])].sort()) {
      const { packageName, file } = await this.#findLibrary(name);
      this.#usedPackages.set(packageName, "qemu");
      this.#files.push({ part: "qemu", path: `qemu/lib/${name}`, content: { file }, executable: name === this.#host.loader });
    }
  }

  async finish(records: PackageRecord[], optional: string): Promise<Collection> {
    const packages: BundlePackage[] = [];
    for (const record of records) {
      const part = this.#usedPackages.get(record.name);
      if (part === undefined) continue;
      const content = await this.#copyright(record.name);
      this.#files.push({ part, path: `${part}/share/doc/${record.name}/copyright`, content: { bytes: content }, executable: false });
      packages.push(toPackage(record, content.toString("utf8")));
    }
    const emulator = records.find((record) => record.name === "qemu-utils");
    return {
      platform: this.#host.platform,
      qemuVersion: upstreamVersion(emulator?.version ?? ""),
      files: this.#files,
      programs: this.#programs,
      dataDirectories: ["qemu/share/qemu", ...this.#dataFolders(optional)],
      firmware: this.#firmware,
      packages,
      optionalParts: [optional],
    };
  }

  async #copyright(packageName: string): Promise<Buffer> {
    const found = await this.#tree.find(`usr/share/doc/${packageName}/copyright`);
    if (found !== undefined) return readFile(found.file);
    throw new BundleError(
      "no-copyright",
      `${packageName} has no copyright file`,
      "Every bundled package needs one: check its documentation folder.",
    );
  }

  #dataFolders(part: string): string[] {
    const folder = `${part}/share/qemu`;
    return this.#files.some((file) => file.path.startsWith(`${folder}/`)) ? [folder] : [];
  }

  async #addProgram(name: string, source: string, part: string): Promise<void> {
    const path = `${part}/bin/${name}`;
    const file = await this.#add(part, source, path, true);
    this.#elfFiles.push(file);
    const isQemu = name.startsWith("qemu-");
    if (isQemu) {
      const bytes = forgetHostPaths(await readFile(file), name, this.#host.triplet);
      const added = this.#files.find((one) => one.path === path);
      if (added !== undefined) added.content = { bytes };
    }
    const env: Record<string, string> = isQemu ? { QEMU_MODULE_DIR: "qemu/modules" } : { OPENSSL_CONF: "qemu/etc/openssl.cnf" };
    this.#programs[name] = programOf(part, [...this.#loaderWords(name), { path }], env);
  }

  /** The bundle's own loader, which looks for libraries in the bundle only: not in the host's ld.so.cache either. */
  #loaderWords(name: string): ProgramWord[] {
    return [
      { path: `qemu/lib/${this.#host.loader}` },
      { word: "--inhibit-cache" },
      { word: "--library-path" },
      { path: "qemu/lib" },
      { word: "--argv0" },
      { word: name },
    ];
  }

  async #addData(part: string, source: string): Promise<string> {
    const path = `${part}/share/qemu/${posix.basename(source)}`;
    await this.#add(part, source, path, false);
    return path;
  }

  async #addFlash(guest: Guest, part: string): Promise<BundleFirmware> {
    const flash = async (source: string): Promise<string> => {
      const path = `${part}/share/firmware/${posix.basename(source)}`;
      await this.#add(part, source, path, false);
      return path;
    };
    const pair = async ([code, vars]: [string, string]): Promise<{ code: string; vars: string }> => ({
      code: await flash(code),
      vars: await flash(vars),
    });
    const data = (name: string): string => `${part}/share/qemu/${name}`;
    return {
      part,
      ...(guest.bios === undefined ? {} : { bios: data(guest.bios) }),
      uefi: await pair(guest.flash.uefi),
      "uefi-secure": await pair(guest.flash.secure),
      ...(guest.microvm === undefined ? {} : { microvm: data(guest.microvm) }),
    };
  }

  async #add(part: string, source: string, path: string, executable: boolean): Promise<string> {
    const found = await this.#tree.find(source);
    if (found === undefined) {
      throw new BundleError("file-missing", `No package has ${source}`, "A package has changed: see scripts/bundle/recipe.ts.");
    }
    // What the host's own part uses is always there; a package used by both belongs to it.
    if (!this.#usedPackages.has(found.packageName) || part === "qemu") this.#usedPackages.set(found.packageName, part);
    this.#files.push({ part, path, content: { file: found.file }, executable });
    return found.file;
  }

  async #findLibrary(name: string): Promise<{ packageName: string; file: string }> {
    const { triplet } = this.#host;
    const folders = [`usr/lib/${triplet}`, `usr/lib/${triplet}/swtpm`, `lib/${triplet}`, "usr/lib64", "usr/lib", "lib"];
    for (const folder of folders) {
      const found = await this.#tree.find(`${folder}/${name}`);
      if (found !== undefined) return found;
    }
    throw new BundleError(
      "library-missing",
      `${name} is in none of the packages`,
      "Is its package in excludedPackages of scripts/bundle/recipe.ts?",
    );
  }
}

/** `1:10.0.13+ds-0+deb13u1` → `10.0.13`. */
export function upstreamVersion(debianVersion: string): string {
  const found = /^(?:\d+:)?(\d+\.\d+\.\d+)/.exec(debianVersion)?.[1];
  if (found === undefined)
    throw new BundleError("version", `Not a QEMU package version: ${debianVersion}`, "See qemu-utils in the archive.");
  return found;
}

function toPackage(record: PackageRecord, copyright: string): BundlePackage {
  const { sourceName, sourceVersion } = record;
  return {
    name: record.name,
    version: record.version,
    architecture: record.architecture,
    sha256: record.sha256,
    license: licenseOf(sourceName, copyright),
    source: {
      name: sourceName,
      version: sourceVersion,
      offer: `Debian source package ${sourceName} ${sourceVersion}: https://snapshot.debian.org/package/${sourceName}/${encodeURIComponent(sourceVersion)}/`,
    },
  };
}
