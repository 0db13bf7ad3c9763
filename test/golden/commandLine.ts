/** The golden command lines: `<case>/vm.json`, sometimes `<case>/host.json`, and one text a host. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { checkDefinition, type Definition } from "../../src/model/index.ts";
import { commandLine, commandText, type LaunchContext, type Platform } from "../../src/qemu/index.ts";

export const platforms = ["linux", "darwin", "win32"] as const satisfies readonly Platform[];

export const goldenFolder = join(import.meta.dirname, "commandLine");

export interface GoldenCase {
  readonly name: string;
  readonly definition: Definition;
  /** What the case says about its host: fields of the launch context, over the usual ones. */
  readonly host: Partial<LaunchContext> & { readonly home?: string };
}

export function goldenCases(): GoldenCase[] {
  const names = readdirSync(goldenFolder, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  return names.map(({ name }) => ({ name, definition: readDefinition(name), host: readHost(name) }));
}

function readDefinition(name: string): Definition {
  const checked = checkDefinition(JSON.parse(readFileSync(join(goldenFolder, name, "vm.json"), "utf8")));
  if ("problems" in checked) throw new Error(`${name}/vm.json: ${JSON.stringify(checked.problems)}`);
  return checked.definition;
}

function readHost(name: string): GoldenCase["host"] {
  try {
    return JSON.parse(readFileSync(join(goldenFolder, name, "host.json"), "utf8"));
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code === "ENOENT") return {};
    throw thrown;
  }
}

/** Where the golden hosts keep their things. Every path of a golden is below `home` or below `programs`. */
export const golden = {
  linux: { home: "/home/ada/.vivarium", separator: "/" },
  darwin: { home: "/Users/ada/.vivarium", separator: "/" },
  win32: { home: "C:\\Users\\Ada\\.vivarium", separator: "\\" },
} as const;

/** Emulation on Linux, so that the real emulator can take it word for word; an Apple silicon Mac; an Intel PC. */
function accelerator(platform: Platform, definition: Definition): LaunchContext["accelerator"] {
  if (platform === "darwin" && definition.architecture === "aarch64")
    return { name: "hvf", arguments: ["-accel", "hvf"], cpuModel: "host" };
  if (platform === "win32" && definition.architecture === "x86_64")
    return { name: "whpx", arguments: ["-accel", "whpx,kernel-irqchip=off"], cpuModel: "max" };
  return { name: "tcg", arguments: ["-accel", "tcg,thread=multi,tb-size=128"], cpuModel: "max" };
}

export function contextOf({ definition, host }: GoldenCase, platform: Platform): LaunchContext {
  const { separator } = golden[platform];
  const { home = golden[platform].home, ...overrides } = host;
  const path = (...parts: string[]) => [home, ...parts].join(separator);
  const uefi = definition.firmware.type === "uefi" || definition.firmware.type === "uefi-secure";
  return {
    platform,
    qemuVersion: [10, 0],
    accelerator: accelerator(platform, definition),
    dataDirectories: [path("bin", "0123456789ab", "share", "qemu")],
    ...(uefi
      ? { firmware: { code: path("bin", "0123456789ab", "share", "code.fd"), vars: path("machines", definition.name, "nvram.qcow2") } }
      : {}),
    machineDirectory: path("machines", definition.name),
    runDirectory: path("run", "a1b2c3"),
    segments: Object.fromEntries(
      definition.networks.flatMap(({ mode }, index) => (mode === "segment" ? [[index, path("run", "5e6f7a8b", `a1b2c3d4-${index}`)]] : [])),
    ),
    logDirectory: path("machines", definition.name, "logs"),
    transport:
      platform === "win32"
        ? {
            kind: "tls",
            host: "127.0.0.1",
            ports: { control: 49301, rescue: 49302, serial: 49303, agent: 49304, vivAgent: 49305, vnc: 49306 },
            credentialsDirectory: path("keys", definition.name),
            certificateDirectory: path("keys", definition.name),
          }
        : { kind: "unix" },
    diskIo: platform === "linux" ? { aio: "io_uring", direct: true } : { aio: "threads", direct: false },
    disks: Object.fromEntries(definition.disks.map((disk) => [disk.id, { backingChain: [] }])),
    forwards: [],
    fwCfg: [],
    vmGenerationId: "7d6a2f0e-52f1-4c39-9d0e-1f2e3d4c5b6a",
    ...(definition.devices.tpm ? { tpmSocket: path("run", "a1b2c3", "tpm.sock") } : {}),
    ...(definition.devices.vsock ? { vsockCid: 42 } : {}),
    sandbox: true,
    paused: true,
    incoming: false,
    ...overrides,
  };
}

/** The golden's text: the command, or the error a person gets where that host cannot. */
export function goldenText(goldenCase: GoldenCase, platform: Platform): string {
  try {
    return commandText(
      [`qemu-system-${goldenCase.definition.architecture}`],
      commandLine(goldenCase.definition, contextOf(goldenCase, platform)),
    );
  } catch (thrown) {
    const error = thrown as { code?: string; message: string; hint?: string };
    return `error ${error.code}\n${error.message}\n${error.hint ?? ""}\n`;
  }
}
