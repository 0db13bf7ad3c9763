import { basename, dirname, join } from "node:path";
import { vivError } from "../model/index.ts";
import type { Host } from "./host.ts";
import { systemFirmware } from "./system-firmware.ts";
import type { Architecture, Program, ProgramName, Toolchain } from "./types.ts";
import { versionAtLeast } from "./version.ts";

/** Oldest QEMU that is taken: JSON for every option and `stream` networks (docs/traps.md §2). Saving memory needs 8.2. */
const oldest = { major: 7, minor: 2 };

const names: readonly ProgramName[] = [
  "qemu-system-x86_64",
  "qemu-system-aarch64",
  "qemu-img",
  "qemu-storage-daemon",
  "swtpm",
  "virtiofsd",
];

/** Where distributions put what is not in PATH. */
const elsewhere: Partial<Record<ProgramName, readonly string[]>> = {
  virtiofsd: ["/usr/libexec/virtiofsd", "/usr/lib/qemu/virtiofsd", "/usr/lib/virtiofsd"],
};

/** A QEMU installed on the host: by the user's setting, or in PATH. Its firmware is found where distributions put it. */
export async function installedToolchain(
  host: Host,
  source: "setting" | "path",
  find: (name: ProgramName) => Promise<string | undefined>,
  emulatorName: ProgramName,
  root?: string,
): Promise<Toolchain> {
  const found = new Map<ProgramName, Program>();
  for (const name of names) {
    const file = (await find(name)) ?? (await firstFile(host, elsewhere[name] ?? []));
    if (file !== undefined) found.set(name, { file, argsPrefix: [], env: {} });
  }
  const program = (name: ProgramName): Program => {
    const there = found.get(name);
    if (there) return there;
    throw vivError("qemu-missing", `${name} was not found ${root === undefined ? "in PATH" : `in ${root}`}.`, installHint(host));
  };
  const emulator = program(emulatorName);
  const version = await qemuVersion(host, emulator);
  const firmware = await systemFirmware(host, dirname(emulator.file));
  return {
    source,
    version,
    ...(root === undefined ? {} : { root }),
    id: (await host.hash(emulator.file)).slice(0, 16),
    program,
    has: (name) => found.has(name),
    emulator: async (architecture) => program(`qemu-system-${architecture}`),
    dataDirectories: [],
    firmware: (architecture, kind) => firmware(architecture, kind),
  };
}

/**
 * Asks an emulator for its version, which also shows whether it starts at all.
 *
 * @throws VivError `qemu-crashed` with what it printed, or `qemu-too-old`.
 */
export async function qemuVersion(host: Host, emulator: Program): Promise<string> {
  const answer = await host.run(emulator.file, [...emulator.argsPrefix, "--version"], { timeoutMs: 10_000, env: emulator.env });
  if (answer.exitCode !== 0) {
    const how =
      answer.exitCode === null
        ? `${answer.ended}${answer.detail === undefined ? "" : `, ${answer.detail}`}`
        : `exit code ${answer.exitCode}`;
    const said = answer.stderr.trim().slice(-2_000);
    throw vivError(
      "qemu-crashed",
      `${emulator.file} does not start (${how})${said === "" ? "; it printed nothing." : `. It printed:\n${said}`}`,
      "Run `" +
        [emulator.file, ...emulator.argsPrefix].join(" ") +
        " --version` in a terminal, or remove the setting vivarium.qemuPath to use Vivarium's own QEMU.",
    );
  }
  const version = /QEMU emulator version (\d+\.\d+(?:\.\d+)?)/.exec(answer.stdout)?.[1];
  if (version === undefined) {
    throw vivError(
      "qemu-missing",
      `${emulator.file} is not a QEMU: it answers --version with “${answer.stdout.trim().slice(0, 100)}”.`,
      installHint(host),
    );
  }
  if (!versionAtLeast(version, oldest.major, oldest.minor)) {
    throw vivError(
      "qemu-too-old",
      `${emulator.file} is QEMU ${version}; Vivarium needs ${oldest.major}.${oldest.minor} or newer.`,
      `Remove the setting vivarium.qemuPath to use Vivarium's own QEMU, or install a newer one. ${installHint(host)}`,
    );
  }
  return version;
}

/** The emulators that serve a host of this architecture, its own first. */
export function emulatorNames(architecture: Architecture): readonly ProgramName[] {
  return architecture === "x86_64" ? ["qemu-system-x86_64", "qemu-system-aarch64"] : ["qemu-system-aarch64", "qemu-system-x86_64"];
}

/** Finds programs in a folder, in its `bin`, with `.exe` on Windows. */
export function inFolder(host: Host, folder: string): (name: ProgramName) => Promise<string | undefined> {
  const suffix = host.platform === "win32" ? ".exe" : "";
  return (name) => firstFile(host, [join(folder, `${name}${suffix}`), join(folder, "bin", `${name}${suffix}`)]);
}

async function firstFile(host: Host, paths: readonly string[]): Promise<string | undefined> {
  for (const path of paths) {
    const found = await host.stat(path);
    if (found && !found.folder) return path;
  }
  return undefined;
}

/** `/opt/qemu/bin/qemu-system-x86_64` → that name, when it is the name of an emulator. */
export function emulatorNameOf(file: string): ProgramName | undefined {
  const name = basename(file).replace(/\.exe$/i, "");
  return name === "qemu-system-x86_64" || name === "qemu-system-aarch64" ? name : undefined;
}

/** The command that installs QEMU on this kind of host. */
export function installHint(host: Host): string {
  return `Install QEMU: ${installCommand(host)}`;
}

function installCommand(host: Host): string {
  if (host.platform === "darwin") return "`brew install qemu`";
  if (host.platform === "win32") return "`winget install SoftwareFreedomConservancy.QEMU`";
  return [
    "`sudo apt-get install qemu-system-x86 qemu-system-arm qemu-utils ovmf` (Debian, Ubuntu)",
    "`sudo dnf install qemu-system-x86 qemu-system-aarch64 qemu-img edk2-ovmf` (Fedora)",
    "`sudo pacman -S qemu-system-x86 qemu-system-aarch64 qemu-img edk2-ovmf` (Arch)",
  ].join(", ");
}
