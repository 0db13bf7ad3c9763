import { randomBytes, randomUUID } from "node:crypto";
import type { Architecture, Definition, Firmware, Network } from "../model/index.ts";
import { parseBytes, sizeText } from "../model/index.ts";
import type { Image } from "./images/index.ts";
import type { Netboot } from "./netboot/index.ts";

/** What the user asked for, checked. Absent values get defaults from the host and the image. */
export interface CreateChoices {
  readonly name: string;
  readonly architecture: Architecture;
  readonly cpus?: number | undefined;
  readonly memory?: string | undefined;
  readonly networks?: readonly NetworkChoice[] | undefined;
  readonly cdrom?: string | undefined;
  readonly netboot?: Netboot | undefined;
  readonly image?: Image | undefined;
  readonly hasDisk: boolean;
}

export interface NetworkChoice {
  readonly mode: "nat" | "none" | "segment";
  /** The network of mode `segment`. */
  readonly network?: string | undefined;
  readonly forwards: readonly {
    protocol: "tcp" | "udp";
    hostAddress?: string | undefined;
    hostPort?: number | undefined;
    guestPort: number;
  }[];
}

export interface HostCapacity {
  readonly cores: number;
  readonly memoryBytes: number;
  /** Version of the QEMU in use: it decides the machine type that is written down. */
  readonly qemuVersion: string;
}

const mebibyte = 1024 ** 2;
const gibibyte = 1024 ** 3;

/** The definition of a new machine. Pure but for its random identity. */
export function newDefinition(choices: CreateChoices, host: HostCapacity): Definition {
  return {
    schema: 1,
    id: randomUUID(),
    name: choices.name,
    architecture: choices.architecture,
    machineType: machineType(choices.architecture, host.qemuVersion),
    accelerator: "auto",
    cpuModel: "auto",
    cpus: choices.cpus ?? Math.min(2, host.cores),
    memory: choices.memory ?? defaultMemory(choices, host),
    firmware: firmwareFor(choices),
    disks: choices.hasDisk ? [{ id: "disk0", file: "disk0.qcow2", format: "qcow2", bus: "virtio", readOnly: false }] : [],
    ...(choices.cdrom === undefined ? {} : { cdrom: { file: choices.cdrom } }),
    networks: (choices.networks ?? [{ mode: "nat" as const, forwards: [] }]).map((network, index) =>
      networkOf(network, index === 0 ? choices.netboot : undefined),
    ),
    display: { type: "virtio", width: 1024, height: 768 },
    devices: { rng: true, balloon: true, tablet: true, tpm: false, watchdog: false, clipboard: false, vsock: false },
    bootOrder: choices.netboot ? ["disk", "network"] : choices.cdrom ? ["disk", "cdrom"] : ["disk", "cdrom", "network"],
    ...(choices.image ? { image: choices.image.name } : {}),
    guestUser: choices.image?.login ?? "root",
    onHostShutdown: "suspend",
  };
}

/** The versioned type, so that another QEMU later gives the guest the same hardware. */
export function machineType(architecture: Architecture, qemuVersion: string): string {
  const [major, minor] = qemuVersion.split(".");
  return `${architecture === "x86_64" ? "pc-q35" : "virt"}-${major}.${minor}`;
}

/** An image's least, doubled; 2 GiB for an installer; never more than a quarter of the host. */
function defaultMemory(choices: CreateChoices, host: HostCapacity): string {
  const wanted = choices.image ? Math.max(choices.image.minimumMemoryBytes * 2, 256 * mebibyte) : 2 * gibibyte;
  const limit = Math.max(Math.floor(host.memoryBytes / 4 / mebibyte) * mebibyte, 128 * mebibyte);
  return sizeText(Math.min(Math.ceil(wanted / mebibyte) * mebibyte, limit));
}

function firmwareFor(choices: CreateChoices): Firmware {
  const { image } = choices;
  if (image?.kernel) {
    return {
      type: "direct-kernel",
      kernel: `${image.folder}/${image.kernel}`,
      ...(image.initrd ? { initrd: `${image.folder}/${image.initrd}` } : {}),
      append: image.append,
    };
  }
  return { type: choices.netboot?.firmware ?? image?.firmware ?? (choices.architecture === "aarch64" ? "uefi" : "bios") };
}

function networkOf(network: NetworkChoice, netboot: CreateChoices["netboot"]): Network {
  const common = { model: "virtio" as const, mac: newMac(), linkUp: true };
  if (network.mode === "none") return { mode: "none", ...common };
  if (network.mode === "segment") return { mode: "segment", network: network.network ?? "", ...common };
  return {
    mode: "nat",
    ...common,
    forwards: network.forwards.map((forward) => ({
      protocol: forward.protocol,
      hostAddress: forward.hostAddress ?? "127.0.0.1",
      guestPort: forward.guestPort,
      ...(forward.hostPort === undefined ? {} : { hostPort: forward.hostPort }),
    })),
    ...(netboot ? { netboot: { directory: netboot.directory, file: netboot.file } } : {}),
  };
}

/** QEMU's own prefix, then 24 random bits. */
export function newMac(): string {
  return `52:54:00:${[...randomBytes(3)].map((byte) => byte.toString(16).padStart(2, "0")).join(":")}`;
}

/** Bytes of a new disk: what was asked for, else the image's own size, else 20 GiB for an installer. */
export function diskBytes(wanted: string | undefined, image: Image | undefined): number {
  return (wanted === undefined ? undefined : parseBytes(wanted)) ?? image?.diskVirtualBytes ?? 20 * gibibyte;
}

/** vm.json as it is first written: every choice spelled out, and a word on how to change it. */
export function definitionText(definition: Definition): string {
  const header = `// Machine “${definition.name}”. Change it here, with \`viv set ${definition.name} KEY=VALUE\` or in the editor's settings form.\n// A running machine has a change at its next start. Files are relative to this folder.\n`;
  return `${header}${JSON.stringify(definition, null, 2)}\n`;
}
