import { existsSync } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { vivError } from "../model/index.ts";
import { type BundleManifest, bundleManifest, locateProgram } from "./manifest.ts";
import type { Architecture, Firmware, FirmwareKind, Program, ProgramName, Toolchain } from "./types.ts";
import { partIsWhole, reinstallHint, topFolder, unpackPart, writeManifest } from "./unpack.ts";

/** Where unpacked bundles live, one folder an id. */
export function bundlesFolder(home: string): string {
  return join(home, "bin");
}

/**
 * The QEMU that comes with Vivarium. The parts beside `manifest.json` in `folder` are unpacked into
 * `<home>/bin/<id>/` the first time and whenever what is there is not whole.
 *
 * @throws VivError `bundle-damaged` (a part or the manifest is not what was shipped), `disk-full`.
 */
export async function bundledToolchain(folder: string, home: string): Promise<Toolchain> {
  const text = await readFile(join(folder, "manifest.json"), "utf8");
  const manifest = parseManifest(text, join(folder, "manifest.json"));
  const root = join(bundlesFolder(home), manifest.id);
  const needed = Object.keys(manifest.parts).filter((part) => !manifest.parts[part]?.optional);
  const results = await Promise.allSettled(needed.map((part) => ensurePart(manifest, part, folder, root)));
  for (const result of results) if (result.status === "rejected") throw result.reason;
  await writeManifest(root, text);
  return toolchainOf(manifest, root, folder);
}

/**
 * A bundle that was unpacked by this or an earlier Vivarium, by its id: suspended machines and templates need theirs.
 *
 * @throws VivError `host-cannot` when it is not there any more, `bundle-damaged` when it is not whole.
 */
export async function unpackedToolchain(home: string, id: string): Promise<Toolchain> {
  const root = join(bundlesFolder(home), id);
  const text = await readFile(join(root, "manifest.json"), "utf8").catch(() => undefined);
  if (text === undefined) {
    const there = await readdir(bundlesFolder(home)).catch(() => []);
    throw vivError(
      "host-cannot",
      `The QEMU ${id} is not there any more (unpacked: ${there.filter((name) => !name.startsWith(".")).join(", ") || "none"}).`,
      "Install the version of Vivarium that the machine was suspended with, or discard the saved memory.",
    );
  }
  const manifest = parseManifest(text, join(root, "manifest.json"));
  for (const [part, { optional }] of Object.entries(manifest.parts)) {
    if (optional || (await partIsWhole(manifest, part, root))) continue;
    throw vivError(
      "bundle-damaged",
      `The unpacked QEMU ${id} in ${root} is not whole.`,
      "Install the version of Vivarium that it came with.",
    );
  }
  return toolchainOf(manifest, root, undefined);
}

function parseManifest(text: string, path: string): BundleManifest {
  try {
    return bundleManifest.parse(JSON.parse(text));
  } catch (cause) {
    throw vivError("bundle-damaged", `The list of the bundle's files, ${path}, cannot be understood.`, reinstallHint, cause);
  }
}

async function ensurePart(manifest: BundleManifest, part: string, folder: string, root: string): Promise<void> {
  if (!(await partIsWhole(manifest, part, root))) await unpackPart(manifest, part, folder, root);
}

/** `folder` holds the packed parts; undefined when they are gone and only what is unpacked can serve. */
function toolchainOf(manifest: BundleManifest, root: string, folder: string | undefined): Toolchain {
  const atHand = (part: string): boolean => {
    const packed = manifest.parts[part];
    if (packed === undefined) return false;
    return (
      !packed.optional || existsSync(partFolder(manifest, part, root)) || (folder !== undefined && existsSync(join(folder, packed.file)))
    );
  };
  const program = (name: ProgramName): Program => {
    const located = locateProgram(manifest, name, root);
    if (located === undefined) {
      throw vivError(
        "qemu-missing",
        `Vivarium's bundle for ${manifest.platform} comes without ${name}.`,
        "Set vivarium.qemuPath to a QEMU that has it.",
      );
    }
    return { file: located.command, argsPrefix: located.args, env: located.env };
  };
  const has = (name: ProgramName): boolean => {
    const found = manifest.programs[name];
    return found !== undefined && atHand(found.part);
  };
  return {
    source: "bundle",
    version: manifest.qemuVersion,
    root,
    id: manifest.id,
    program,
    has,
    emulator: async (architecture) => {
      const name: ProgramName = `qemu-system-${architecture}`;
      const part = manifest.programs[name]?.part;
      if (part !== undefined && manifest.parts[part]?.optional) await ensureOptional(manifest, part, folder, root, architecture);
      return program(name);
    },
    get dataDirectories() {
      return manifest.dataDirectories.map((directory) => join(root, directory)).filter((directory) => existsSync(directory));
    },
    firmware: (architecture, kind) => firmwareOf(manifest, root, architecture, kind),
  };
}

async function ensureOptional(
  manifest: BundleManifest,
  part: string,
  folder: string | undefined,
  root: string,
  architecture: Architecture,
): Promise<void> {
  if (await partIsWhole(manifest, part, root)) return;
  const packed = manifest.parts[part];
  if (folder !== undefined && packed !== undefined && existsSync(join(folder, packed.file)))
    return unpackPart(manifest, part, folder, root);
  throw vivError(
    "qemu-missing",
    `The emulator for ${architecture} is an extra pack of this bundle, and it is not installed.`,
    `Put ${packed?.file ?? part} into ${folder ?? root}, or set vivarium.qemuPath to a QEMU that has qemu-system-${architecture}.`,
  );
}

function partFolder(manifest: BundleManifest, part: string, root: string): string {
  return join(root, topFolder(manifest, part));
}

function firmwareOf(manifest: BundleManifest, root: string, architecture: Architecture, kind: FirmwareKind): Firmware | undefined {
  const all = manifest.firmware[architecture];
  const found = all?.[kind];
  if (all === undefined || found === undefined || !existsSync(partFolder(manifest, all.part, root))) return undefined;
  return typeof found === "string" ? { code: join(root, found) } : { code: join(root, found.code), vars: join(root, found.vars) };
}
