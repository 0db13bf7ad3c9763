/**
 * Collects QEMU from a Homebrew prefix for macOS: libraries found by `otool -L`, their install names
 * changed to `@loader_path`, every changed file signed again. The commands are plans; `collectHomebrew` runs them.
 */
import { copyFile, mkdir, readdir, readFile, realpath, stat, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import type { BundleFirmware, BundlePackage, BundlePlatform } from "../../src/backends/manifest.ts";
import { type CollectedFile, type Collection, programOf } from "./collection.ts";
import { BundleError } from "./errors.ts";
import { libraryClosure } from "./libraries.ts";
import { type Command, ignoreOutput, run } from "./run.ts";

/** The entitlements QEMU needs: HVF, and TCG's code buffer under the hardened runtime. */
export const entitlements = `<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<plist version="1.0">
<dict>
  <key>com.apple.security.hypervisor</key><true/>
  <key>com.apple.security.cs.allow-jit</key><true/>
</dict>
</plist>
`;

/** The install names a Mach-O file asks for, its own (of a dylib) left out. */
export function otool(file: string): Command<string[]> {
  return { command: "otool", args: ["-L", file], parse: (stdout) => parseOtool(stdout, basename(file)) };
}

/** Parses `otool -L`. A universal file repeats its header once an architecture. */
export function parseOtool(stdout: string, own: string): string[] {
  const names = stdout
    .split("\n")
    .map((line) => /^\s+(\S.*?) \(compatibility version [^)]*\)\s*$/.exec(line)?.[1])
    .filter((name) => name !== undefined)
    .filter((name) => basename(name) !== own);
  return [...new Set(names)];
}

/** macOS has these everywhere, in its shared cache rather than as files. */
export function isSystemLibrary(name: string): boolean {
  return name.startsWith("/usr/lib/") || name.startsWith("/System/Library/");
}

/** Where a name may be: as it is, or for @rpath and @loader_path beside the file, and in the prefix. */
export function candidates(name: string, neededBy: string, prefix: string): string[] {
  if (!name.startsWith("@")) return [name];
  const rest = name.replace(/^@(rpath|loader_path|executable_path)\//, "");
  return [join(dirname(neededBy), rest), join(dirname(neededBy), basename(rest)), join(prefix, "lib", basename(rest))];
}

/**
 * The commands which make a copied Mach-O file find its libraries in the bundle, and sign it again:
 * any edit breaks the signature, and Apple silicon kills an unsigned process.
 *
 * @param library true for a dylib, which lies beside the others; a program lies in ../bin
 */
export function relocatePlan(file: string, needed: string[], library: boolean, entitlementsFile: string): Command[] {
  const folder = library ? "@loader_path" : "@loader_path/../lib";
  const changes = needed.filter((name) => !isSystemLibrary(name)).flatMap((name) => ["-change", name, `${folder}/${basename(name)}`]);
  const id = library ? ["-id", `@rpath/${basename(file)}`] : [];
  const edit = [...id, ...changes];
  const sign = ["-s", "-", "--force", "--timestamp=none"];
  const entitled = library ? sign : [...sign, "--entitlements", entitlementsFile];
  return [
    ...(edit.length === 0 ? [] : [{ command: "install_name_tool", args: [...edit, file], parse: ignoreOutput }]),
    { command: "codesign", args: [...entitled, file], parse: ignoreOutput },
  ];
}

/**
 * Libraries by their name in the bundle's lib folder. One is often asked for by several names (`opt/…` by one formula,
 * `Cellar/…` by another of the same); two different ones of one name cannot lie beside each other.
 */
export function placed(libraries: ReadonlyMap<string, string>): Map<string, string> {
  const byName = new Map<string, string>();
  for (const [name, file] of libraries) {
    const other = byName.get(basename(name));
    if (other !== undefined && other !== file)
      throw new BundleError("two-libraries", `${other} and ${file} have one name`, "Reinstall the formula which asks for the older one.");
    byName.set(basename(name), file);
  }
  return byName;
}

/** Fails unless a relocated file asks for system libraries and its neighbours only. */
export function foreignNames(names: string[]): string[] {
  return names.filter((name) => !isSystemLibrary(name) && !/^@(loader_path|rpath)\//.test(name));
}

/** `brew info --json=v2 --installed`, cut to what a notice needs. */
export function brewInfo(): Command<BundlePackage[]> {
  return { command: "brew", args: ["info", "--json=v2", "--installed"], parse: parseBrewInfo };
}

type Formula = {
  name: string;
  license: string | null;
  installed: { version: string }[];
  urls: { stable?: { url?: string; checksum?: string | null } };
};

/** @param stdout Homebrew's JSON: `{ formulae: [...] }` */
export function parseBrewInfo(stdout: string): BundlePackage[] {
  const parsed: { formulae: Formula[] } = JSON.parse(stdout);
  return parsed.formulae.map((formula) => {
    const version = formula.installed[0]?.version ?? "";
    return {
      name: formula.name,
      version,
      architecture: "",
      license: formula.license ?? "see copyright",
      source: { name: formula.name, version, offer: formula.urls.stable?.url ?? `https://formulae.brew.sh/formula/${formula.name}` },
    };
  });
}

/** The formula a file of the prefix belongs to: Homebrew links everything to `Cellar/<formula>/<version>/`. */
export function formulaOf(file: string): string | undefined {
  return /\/Cellar\/([^/]+)\//.exec(file)?.[1];
}

const tools = ["qemu-img", "qemu-storage-daemon", "swtpm"];

export type HomebrewOptions = { platform: BundlePlatform & `darwin-${string}`; prefix: string; work: string };

/** Collects the parts `qemu` and `emulator-<other>` from an installed Homebrew (`brew install qemu swtpm`). */
export async function collectHomebrew({ platform, prefix, work }: HomebrewOptions): Promise<Collection> {
  const own = platform === "darwin-arm64" ? "aarch64" : "x86_64";
  const other = own === "aarch64" ? "x86_64" : "aarch64";
  await mkdir(work, { recursive: true });
  const entitlementsFile = join(work, "qemu.entitlements");
  await writeFile(entitlementsFile, entitlements);
  const programs = new Map([
    ...[`qemu-system-${own}`, ...tools].map((name): [string, string] => [name, "qemu"]),
    [`qemu-system-${other}`, `emulator-${other}`],
  ]);
  const real = new Map<string, string>();
  for (const name of programs.keys()) {
    const path = await realpath(join(prefix, "bin", name)).catch(() => undefined);
    if (path !== undefined) real.set(name, path);
  }
  const libraries = await libraryClosure(
    [...real.values()],
    (file) => run(otool(file)),
    async (name, neededBy) => (isSystemLibrary(name) ? "system" : firstExisting(candidates(name, neededBy, prefix))),
  );
  const files: CollectedFile[] = [];
  const relocate = async (from: string, path: string, part: string, library: boolean): Promise<void> => {
    const to = join(work, path);
    await mkdir(dirname(to), { recursive: true });
    await copyFile(from, to);
    for (const command of relocatePlan(to, await run(otool(from)), library, entitlementsFile)) await run(command);
    files.push({ part, path, content: { file: to }, executable: true });
  };
  for (const [name, from] of placed(libraries)) await relocate(from, `qemu/lib/${name}`, "qemu", true);
  for (const [name, from] of real) {
    const part = programs.get(name) ?? "qemu";
    // Programs of the optional part reach the libraries of the first: all lie in one bin folder beside lib.
    await relocate(from, `qemu/bin/${name}`, part, false);
  }
  const share = await realpath(join(prefix, "share", "qemu"));
  files.push(...(await collectShare(share, other)));
  const used = new Set([...real.values(), ...libraries.values(), share].map((file) => formulaOf(file)));
  const packages = (await run(brewInfo())).filter((one) => used.has(one.name));
  return {
    platform,
    qemuVersion: packages.find((one) => one.name === "qemu")?.version.replace(/_\d+$/, "") ?? "",
    files,
    programs: Object.fromEntries(
      [...real.keys()].map((name) => [name, programOf(programs.get(name) ?? "qemu", [{ path: `qemu/bin/${name}` }])]),
    ),
    dataDirectories: ["qemu/share/qemu"],
    firmware: edk2Firmware(own, other),
    packages,
    optionalParts: [`emulator-${other}`],
  };
}

async function firstExisting(paths: string[]): Promise<string | undefined> {
  for (const path of paths) {
    const found = await realpath(path).catch(() => undefined);
    if (found !== undefined && (await stat(found)).isFile()) return found;
  }
  return undefined;
}

const x86Data = /^(bios-256k|bios-microvm|kvmvapic|linuxboot_dma|multiboot_dma|pvh)\.bin$|^qboot\.rom$/;
const commonData = /^(efi-(virtio|e1000e?)\.rom|vgabios-(stdvga|virtio|ramfb|bochs-display|cirrus)\.bin)$/;

/**
 * Which part a file of QEMU's own share folder goes to; undefined for what is left out.
 * QEMU's own edk2 builds are used here: `edk2-x86_64-secure-code.fd` has no keys enrolled.
 */
export function partOfData(name: string, other: "x86_64" | "aarch64"): string | undefined {
  const optional = `emulator-${other}`;
  if (commonData.test(name) || name === "edk2-licenses.txt") return "qemu";
  if (x86Data.test(name) || /^edk2-(x86_64-code|x86_64-secure-code|i386-vars)\.fd$/.test(name))
    return other === "x86_64" ? optional : "qemu";
  if (/^edk2-(aarch64-code|arm-vars)\.fd$/.test(name)) return other === "aarch64" ? optional : "qemu";
  return undefined;
}

/** Files of a QEMU share folder, for every platform that is not Debian. */
export async function collectShare(share: string, other: "x86_64" | "aarch64"): Promise<CollectedFile[]> {
  const files: CollectedFile[] = [];
  for (const name of (await readdir(share)).sort()) {
    const part = partOfData(name, other);
    if (part === undefined) continue;
    files.push({ part, path: `qemu/share/qemu/${name}`, content: { bytes: await readFile(join(share, name)) }, executable: false });
  }
  for (const name of (await readdir(join(share, "keymaps"))).sort()) {
    const content = { bytes: await readFile(join(share, "keymaps", name)) };
    files.push({ part: "qemu", path: `qemu/share/qemu/keymaps/${name}`, content, executable: false });
  }
  return files;
}

/** The firmware entries for QEMU's own edk2 files. Secure Boot with enrolled keys is not among them. */
export function edk2Firmware(own: "x86_64" | "aarch64", other: "x86_64" | "aarch64"): Record<"x86_64" | "aarch64", BundleFirmware> {
  const part = (architecture: string): string => (architecture === own ? "qemu" : `emulator-${other}`);
  const data = (name: string): string => `qemu/share/qemu/${name}`;
  return {
    x86_64: {
      part: part("x86_64"),
      bios: data("bios-256k.bin"),
      uefi: { code: data("edk2-x86_64-code.fd"), vars: data("edk2-i386-vars.fd") },
      microvm: data("bios-microvm.bin"),
    },
    aarch64: { part: part("aarch64"), uefi: { code: data("edk2-aarch64-code.fd"), vars: data("edk2-arm-vars.fd") } },
  };
}
