/**
 * Collects QEMU from an MSYS2 prefix (UCRT64, or CLANGARM64 on arm64) for Windows. Windows looks for DLLs
 * in the program's own folder first, so programs and DLLs lie together and nothing is edited.
 */
import { readdir } from "node:fs/promises";
import { basename, join } from "node:path";
import type { BundlePackage, BundlePlatform } from "../../src/backends/manifest.ts";
import { type CollectedFile, type Collection, programOf } from "./collection.ts";
import { collectShare, edk2Firmware } from "./homebrew.ts";
import { libraryClosure } from "./libraries.ts";
import { type Command, run } from "./run.ts";

/** The DLLs in a PE file's import table. `llvm-objdump -p` prints the same lines. */
export function objdump(tool: "objdump" | "llvm-objdump", file: string): Command<string[]> {
  return { command: tool, args: ["-p", file], parse: parseObjdump };
}

/** Parses `objdump -p`: lines `DLL Name: libglib-2.0-0.dll` of the import and the delay-import tables. */
export function parseObjdump(stdout: string): string[] {
  const names = [...stdout.matchAll(/^\s*DLL Name:\s*(\S+)\s*$/gm)].map((found) => found[1] ?? "");
  return [...new Set(names.filter((name) => name !== ""))];
}

/** MSYS2 names its libraries `lib*.dll` and `zlib1.dll`: such a one which is absent is missing, any other is Windows' own. */
export function isPrefixLibrary(name: string): boolean {
  return /^(lib|zlib)/i.test(name);
}

/**
 * Parses `ntldd -R`: `libglib-2.0-0.dll => C:\msys64\ucrt64\bin\libglib-2.0-0.dll (0x…)`, `x.dll => not found`.
 *
 * @returns name → path, undefined when it was not found
 */
export function parseNtldd(stdout: string): Map<string, string | undefined> {
  const lines = stdout.split(/\r?\n/).map((line) => /^\s*(\S+\.\w+) => (?:(not found)|(.+?))(?: \(0x[0-9a-fA-F]+\))?$/.exec(line));
  return new Map(lines.filter((found) => found !== null).map((found) => [found[1] ?? "", found[3]]));
}

/** `pacman -Qo FILE…`: which package owns which file. */
export function pacmanOwners(files: string[]): Command<Map<string, { name: string; version: string }>> {
  return { command: "pacman", args: ["-Qo", ...files], parse: parseOwners };
}

/** Parses lines `/ucrt64/bin/x.dll is owned by mingw-w64-ucrt-x86_64-x 1.2-3`. */
export function parseOwners(stdout: string): Map<string, { name: string; version: string }> {
  const owners = [...stdout.matchAll(/^(.+) is owned by (\S+) (\S+)\r?$/gm)];
  return new Map(owners.map(([, file = "", name = "", version = ""]) => [file, { name, version }]));
}

/** `pacman -Qi NAME…`: licences of installed packages. */
export function pacmanInfo(names: string[]): Command<BundlePackage[]> {
  return { command: "pacman", args: ["-Qi", ...names], parse: parsePacmanInfo };
}

/** Parses `pacman -Qi`: `Field : value` blocks, one a package. */
export function parsePacmanInfo(stdout: string): BundlePackage[] {
  return stdout
    .split(/\r?\n\r?\n/)
    .map((block) => new Map([...block.matchAll(/^(\w[\w ]*?)\s*:\s(.*?)\r?$/gm)].map((found) => [found[1] ?? "", (found[2] ?? "").trim()])))
    .filter((fields) => fields.has("Name"))
    .map((fields) => {
      const name = fields.get("Name") ?? "";
      const version = fields.get("Version") ?? "";
      // mingw-w64-ucrt-x86_64-qemu is built from the recipe mingw-w64-qemu.
      const base = name.replace(/^mingw-w64-(ucrt-x86_64|clang-aarch64|x86_64|clang-x86_64)-/, "mingw-w64-");
      return {
        name,
        version,
        architecture: fields.get("Architecture") ?? "",
        // pacman prints `spdx:GPL-2.0-only  spdx:MIT`, two spaces apart.
        license:
          (fields.get("Licenses") ?? "")
            .replaceAll("spdx:", "")
            .split(/\s{2,}/)
            .join(" AND ") || "see copyright",
        source: { name: base, version, offer: `https://repo.msys2.org/mingw/sources/${base}-${version}.src.tar.zst` },
      };
    });
}

const tools = ["qemu-img", "qemu-storage-daemon"];

export type Msys2Options = { platform: BundlePlatform & `win32-${string}`; prefix: string };

/** Collects the parts `qemu` and `emulator-<other>` from an installed prefix such as `C:/msys64/ucrt64`. */
export async function collectMsys2({ platform, prefix }: Msys2Options): Promise<Collection> {
  const own = platform === "win32-arm64" ? "aarch64" : "x86_64";
  const other = own === "aarch64" ? "x86_64" : "aarch64";
  const bin = join(prefix, "bin");
  // Windows does not tell case apart, import tables do not agree on it.
  const present = new Map((await readdir(bin)).map((name) => [name.toLowerCase(), name]));
  const partOf = new Map([
    ...[`qemu-system-${own}`, ...tools].map((name): [string, string] => [name, "qemu"]),
    [`qemu-system-${other}`, `emulator-${other}`],
  ]);
  const names = [...partOf.keys()].filter((name) => present.has(`${name}.exe`));
  const dump = platform === "win32-arm64" ? "llvm-objdump" : "objdump";
  const libraries = await libraryClosure(
    names.map((name) => join(bin, `${name}.exe`)),
    (file) => run(objdump(dump, file)),
    async (name) => {
      const found = present.get(name.toLowerCase());
      if (found !== undefined) return join(bin, found);
      return isPrefixLibrary(name) ? undefined : "system";
    },
  );
  const files: CollectedFile[] = [
    ...names.map(
      (name): CollectedFile => ({
        part: partOf.get(name) ?? "qemu",
        path: `qemu/bin/${name}.exe`,
        content: { file: join(bin, `${name}.exe`) },
        executable: true,
      }),
    ),
    ...[...libraries.values()].map(
      (file): CollectedFile => ({
        part: "qemu",
        path: `qemu/bin/${basename(file)}`,
        content: { file },
        executable: false,
      }),
    ),
    ...(await collectShare(join(prefix, "share", "qemu"), other)),
  ];
  const owners = await run(pacmanOwners([...names.map((name) => join(bin, `${name}.exe`)), ...libraries.values()]));
  const packages = await run(pacmanInfo([...new Set([...owners.values()].map((owner) => owner.name))].sort()));
  return {
    platform,
    qemuVersion: packages.find((one) => one.name.endsWith("-qemu"))?.version.replace(/-\d+$/, "") ?? "",
    files,
    programs: Object.fromEntries(names.map((name) => [name, programOf(partOf.get(name) ?? "qemu", [{ path: `qemu/bin/${name}.exe` }])])),
    dataDirectories: ["qemu/share/qemu"],
    firmware: edk2Firmware(own, other),
    packages,
    optionalParts: [`emulator-${other}`],
  };
}
