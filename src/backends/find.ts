import { existsSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { vivError } from "../model/index.ts";
import { processor } from "./architecture.ts";
import { bundledToolchain } from "./bundle.ts";
import type { Host } from "./host.ts";
import { emulatorNameOf, emulatorNames, inFolder, installedToolchain, installHint } from "./programs.ts";
import type { Architecture, Platform, Toolchain } from "./types.ts";

export interface FindOptions {
  readonly host: Host;
  /** Vivarium's home; bundles are unpacked into `<home>/bin/`. */
  readonly home: string;
  /** The setting `vivarium.qemuPath`: a folder with QEMU's programs (or with a `bin` that has them), or an emulator. */
  readonly qemuPath?: string | undefined;
  /** Where bundles are looked for: one folder a platform. Default: `bundle` beside the running script, and in `dist`. */
  readonly bundlesFolder?: string | undefined;
}

/**
 * The QEMU to use: the setting, else the bundle, else PATH. A setting or a bundle that is there and does not
 * work is an error, never a reason to take the next one silently.
 *
 * @throws VivError `qemu-missing`, `qemu-too-old`, `qemu-crashed`, `bundle-damaged`, each with a hint.
 */
export async function findToolchain(options: FindOptions): Promise<Toolchain> {
  const { host, home, qemuPath } = options;
  const { architecture } = await processor(host);
  if (qemuPath !== undefined && qemuPath !== "") return fromSetting(host, qemuPath, architecture);
  const bundle = bundleFolder(options, architecture);
  if (bundle !== undefined) return bundledToolchain(bundle, home);
  return fromPath(host, architecture);
}

async function fromSetting(host: Host, path: string, architecture: Architecture): Promise<Toolchain> {
  const found = await host.stat(path);
  if (found === undefined) {
    throw vivError(
      "qemu-missing",
      `The setting vivarium.qemuPath names ${path}, which is not there.`,
      "Correct it, or remove it to use Vivarium's own QEMU.",
    );
  }
  const named = found.folder ? undefined : emulatorNameOf(path);
  if (!found.folder && named === undefined) {
    throw vivError(
      "qemu-missing",
      `The setting vivarium.qemuPath names ${path}, which is neither a folder nor qemu-system-x86_64 or qemu-system-aarch64.`,
      "Name the folder that holds QEMU's programs.",
    );
  }
  const folder = found.folder ? path : dirname(path);
  const find = inFolder(host, folder);
  for (const name of named === undefined ? emulatorNames(architecture) : [named]) {
    if (await find(name)) return installedToolchain(host, "setting", find, name, folder);
  }
  throw vivError(
    "qemu-missing",
    `The setting vivarium.qemuPath names ${path}, which holds no qemu-system-x86_64 or qemu-system-aarch64.`,
    "Name the folder that holds QEMU's programs, or remove the setting to use Vivarium's own QEMU.",
  );
}

async function fromPath(host: Host, architecture: Architecture): Promise<Toolchain> {
  const find = (name: string): Promise<string | undefined> => host.which(name);
  for (const name of emulatorNames(architecture)) {
    if (await find(name)) return installedToolchain(host, "path", find, name);
  }
  throw vivError(
    "qemu-missing",
    "There is no QEMU: Vivarium came without its own for this computer, and PATH has none.",
    installHint(host),
  );
}

const nodeNames: Record<Platform, string> = { linux: "linux", darwin: "darwin", win32: "win32" };

/** The folder of this platform's bundle, where there is one. `VIVARIUM_BUNDLE` names it directly. */
function bundleFolder({ host, bundlesFolder }: FindOptions, architecture: Architecture): string | undefined {
  const named = host.env.VIVARIUM_BUNDLE;
  if (named !== undefined && named !== "") {
    if (existsSync(join(named, "manifest.json"))) return named;
    throw vivError("qemu-missing", `VIVARIUM_BUNDLE names ${named}, which holds no manifest.json.`, "Correct or unset the variable.");
  }
  const platform = `${nodeNames[host.platform]}-${architecture === "aarch64" ? "arm64" : "x64"}`;
  return bundlesFolders(bundlesFolder)
    .map((folder) => join(folder, platform))
    .find((folder) => existsSync(join(folder, "manifest.json")));
}

/** Built, everything runs from `dist/`; from the sources (tests, development) `dist/` is at the top of the checkout. */
function bundlesFolders(given: string | undefined): readonly string[] {
  if (given !== undefined) return [given];
  const here = import.meta.dirname;
  return basename(here) === "backends" ? [join(here, "../../dist/bundle")] : [join(here, "bundle")];
}
