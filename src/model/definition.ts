import * as z from "zod";
import { vivError } from "./errors.ts";
import { FirstBoot } from "./firstBoot.ts";
import { machineNamePattern } from "./names.ts";
import { NetworkName } from "./networks.ts";
import { Probe } from "./probes.ts";
import { mostShares, mountPointOf, Share } from "./shares.ts";
import { parseBytes } from "./units.ts";

/** What the user wants a machine to be: the content of `vm.json`. Human-editable; unknown keys are errors. */

export const MachineName = z.string().regex(machineNamePattern, "must match ^[a-z][a-z0-9-]{0,40}$");

export const Architecture = z.enum(["x86_64", "aarch64"]);
export type Architecture = z.infer<typeof Architecture>;

const ByteSize = z.string().refine((text) => parseBytes(text) !== undefined, "must be a size such as 512M or 10G");

const MacAddress = z
  .string()
  .regex(/^([0-9a-f][02468ace])(:[0-9a-f]{2}){5}$/, "must be a unicast MAC address in lower case, such as 52:54:00:12:34:56");

const Identifier = z.string().regex(/^[a-z][a-z0-9-]{0,30}$/, "must match ^[a-z][a-z0-9-]{0,30}$");

export const Port = z.int().min(1).max(65535);

/** Paths are relative to the machine's folder or absolute. Control characters never reach a command line. */
const FilePath = z
  .string()
  .min(1)
  .max(4096)
  .regex(/^\P{Cc}+$/u, "must not contain control characters");

/** QEMU takes up to 10^15 (`THROTTLE_VALUE_MAX`). */
const RatePerSecond = z.int().min(0).max(1e15).optional();

/** Absent or 0: no limit. */
export const DiskLimits = z.strictObject({
  readBytesPerSecond: RatePerSecond,
  writeBytesPerSecond: RatePerSecond,
  readsPerSecond: RatePerSecond,
  writesPerSecond: RatePerSecond,
});
export type DiskLimits = z.infer<typeof DiskLimits>;

export const Disk = z.strictObject({
  id: Identifier.describe("Stable id of the disk inside the machine; also its serial number in the guest"),
  file: FilePath.describe("Image file, relative to the machine's folder"),
  format: z.enum(["qcow2", "raw"]).default("qcow2"),
  bus: z.enum(["virtio", "scsi", "sata", "nvme"]).default("virtio").describe("How the guest sees the disk"),
  readOnly: z.boolean().default(false),
  slot: z.int().min(0).max(15).optional().describe("Its address in the guest; absent: its place in this list"),
  port: z.int().min(0).max(3).optional().describe("The hot-plug port it was plugged into while the machine ran"),
  limits: DiskLimits.optional().describe("Bandwidth and operations a second; 0 or absent: no limit"),
});
export type Disk = z.infer<typeof Disk>;

/** Where disk `index` of the list sits: what the guest knows it by stays when another disk goes away. */
export function diskSlot(disk: Pick<Disk, "slot">, index: number): number {
  return disk.slot ?? index;
}

export const Cdrom = z.strictObject({
  file: FilePath.optional().describe("ISO image; absent: an empty drive"),
});
export type Cdrom = z.infer<typeof Cdrom>;

export const Forward = z.strictObject({
  protocol: z.enum(["tcp", "udp"]).default("tcp"),
  hostAddress: z.union([z.ipv4(), z.ipv6()]).default("127.0.0.1").describe("Address of the host the forward listens on"),
  hostPort: Port.optional().describe("Absent: a free port is chosen at each start"),
  guestPort: Port,
});
export type Forward = z.infer<typeof Forward>;

export const Netboot = z.strictObject({
  directory: FilePath.describe("Folder served by TFTP to the guest"),
  file: z
    .string()
    .min(1)
    .max(255)
    .regex(/^[\w./-]+$/, "must be a relative path of letters, digits, . _ - /")
    .describe("Boot file inside the folder"),
});

const adapterCommon = {
  model: z.enum(["virtio", "e1000e"]).default("virtio"),
  mac: MacAddress,
  linkUp: z.boolean().default(true),
};

export const Network = z.discriminatedUnion("mode", [
  z.strictObject({
    mode: z.literal("nat"),
    ...adapterCommon,
    forwards: z.array(Forward).max(64).default([]),
    netboot: Netboot.optional(),
  }),
  z.strictObject({
    mode: z.literal("segment"),
    network: NetworkName.describe("A network of machines on this host: `viv net ls`"),
    ...adapterCommon,
  }),
  z.strictObject({ mode: z.literal("none"), ...adapterCommon }),
]);
export type Network = z.infer<typeof Network>;

export const Firmware = z.discriminatedUnion("type", [
  z.strictObject({ type: z.literal("bios") }),
  z.strictObject({ type: z.literal("uefi") }),
  z.strictObject({ type: z.literal("uefi-secure") }),
  z.strictObject({
    type: z.literal("direct-kernel"),
    kernel: FilePath,
    initrd: FilePath.optional(),
    append: z.string().max(2048).default("").describe("Kernel command line"),
  }),
]);
export type Firmware = z.infer<typeof Firmware>;

export const Display = z.strictObject({
  type: z.enum(["none", "std", "virtio"]).default("virtio").describe("none: headless, no VNC"),
  width: z.int().min(320).max(7680).default(1024),
  height: z.int().min(200).max(4320).default(768),
});
export type Display = z.infer<typeof Display>;

export const Devices = z.strictObject({
  rng: z.boolean().default(true).describe("virtio-rng: entropy from the host"),
  balloon: z.boolean().default(true).describe("virtio-balloon: memory can be given back"),
  tablet: z.boolean().default(true).describe("Absolute pointer (no mouse capture)"),
  tpm: z.boolean().default(false).describe("TPM 2.0 by swtpm (Linux and macOS hosts)"),
  watchdog: z.boolean().default(false).describe("i6300esb watchdog; the machine is paused when it fires"),
  clipboard: z
    .boolean()
    .default(false)
    .describe(
      "Text copied in the guest's desktop and here is one clipboard, by the console (the guest needs spice-vdagent); no snapshots with memory meanwhile",
    ),
  vsock: z.boolean().default(false).describe("vhost-vsock (Linux hosts with /dev/vhost-vsock)"),
});
export type Devices = z.infer<typeof Devices>;

export const CpuModel = z.string().regex(/^[A-Za-z][\w.-]{0,63}$/, "must be a QEMU CPU model name, or auto");

export const Definition = z.strictObject({
  $schema: z.string().optional(),
  schema: z.literal(1).describe("Version of this file's format"),
  id: z.uuid().describe("The machine's UUID, also seen by the guest"),
  name: MachineName,
  architecture: Architecture,
  machineType: z
    .string()
    .regex(/^[a-z][\w.-]{0,63}$/)
    .describe("Versioned QEMU machine type, so that an update never changes the hardware"),
  accelerator: z.enum(["auto", "kvm", "hvf", "whpx", "tcg"]).default("auto"),
  cpuModel: CpuModel.default("auto"),
  cpus: z.int().min(1).max(256),
  memory: ByteSize,
  firmware: Firmware,
  disks: z.array(Disk).max(16).default([]),
  cdrom: Cdrom.optional(),
  networks: z.array(Network).max(4).default([]),
  display: Display.prefault({}),
  devices: Devices.prefault({}),
  bootOrder: z
    .array(z.enum(["disk", "cdrom", "network"]))
    .max(3)
    .default(["disk", "cdrom", "network"]),
  image: z.string().optional().describe("The image this machine was made from"),
  guestUser: z
    .string()
    .regex(/^[a-z_][a-z0-9_-]{0,31}$/)
    .default("root")
    .describe("User for SSH"),
  firstBoot: FirstBoot.optional().describe("What the guest becomes the first time it starts; without effect afterwards"),
  probes: z.array(Probe).max(16).optional().describe("Your own steps of readiness"),
  shares: z.array(Share).max(mostShares).optional().describe("Folders of this host that the guest has as live trees"),
  onHostShutdown: z.enum(["suspend", "stop", "kill"]).default("suspend"),
  group: z.string().max(60).optional(),
  note: z.string().max(2000).optional(),
});
export type Definition = z.infer<typeof Definition>;

/** Smallest memory the schema's users get through with; QEMU itself would take less. */
export const minimumMemoryBytes = 32 * 1024 * 1024;

export function memoryBytes(definition: Pick<Definition, "memory">): number {
  const bytes = parseBytes(definition.memory);
  if (bytes === undefined) throw vivError("invalid-definition", `memory: “${definition.memory}” is not a size.`);
  return bytes;
}

/** One problem of a definition: where (`networks.0.mac`) and what. */
export interface DefinitionProblem {
  path: string;
  message: string;
}

/** Checks a parsed `vm.json`: the schema, then what no schema can say (ids unique, memory in whole MiB). */
export function checkDefinition(value: unknown): { definition: Definition } | { problems: DefinitionProblem[] } {
  const version = (value as { schema?: unknown } | null)?.schema;
  if (typeof version === "number" && version > 1) {
    return { problems: [{ path: "schema", message: `is version ${version}; this Vivarium reads version 1 (update Vivarium)` }] };
  }
  const parsed = Definition.safeParse(value);
  if (!parsed.success) {
    return { problems: parsed.error.issues.map((issue) => ({ path: issue.path.join("."), message: issue.message })) };
  }
  const problems = beyondSchema(parsed.data);
  return problems.length > 0 ? { problems } : { definition: parsed.data };
}

function beyondSchema(definition: Definition): DefinitionProblem[] {
  const problems: DefinitionProblem[] = [];
  const bytes = memoryBytes(definition);
  if (bytes < minimumMemoryBytes) problems.push({ path: "memory", message: "must be at least 32M" });
  if (bytes % (1024 * 1024) !== 0) problems.push({ path: "memory", message: "must be a whole number of MiB" });
  for (const index of duplicates(definition.disks.map((disk) => disk.id))) {
    problems.push({ path: `disks.${index}.id`, message: "is used by another disk of this machine" });
  }
  for (const [index, { id }] of definition.disks.entries()) {
    // snapshots.json names the layers of both in one list.
    if (id === "nvram" || id === "nvram-secure")
      problems.push({ path: `disks.${index}.id`, message: "is kept for the firmware's variables" });
  }
  for (const index of duplicates(definition.disks.map(diskSlot))) {
    problems.push({ path: `disks.${index}.slot`, message: "is another disk's of this machine" });
  }
  for (const [index, disk] of definition.disks.entries()) {
    if (disk.port === undefined) continue;
    if (disk.bus !== "virtio" && disk.bus !== "nvme")
      problems.push({ path: `disks.${index}.port`, message: "is for virtio and nvme disks" });
    if (definition.disks.findIndex(({ port }) => port === disk.port) < index)
      problems.push({ path: `disks.${index}.port`, message: "is another disk's of this machine" });
  }
  for (const index of duplicates(definition.networks.map((network) => network.mac))) {
    problems.push({ path: `networks.${index}.mac`, message: "is used by another adapter of this machine" });
  }
  const { probes = [], firstBoot } = definition;
  for (const index of duplicates(probes.map(({ name }) => name))) {
    problems.push({ path: `probes.${index}.name`, message: "is another probe's of this machine" });
  }
  const shares = definition.shares ?? [];
  for (const index of duplicates(shares.map(({ tag }) => tag))) {
    problems.push({ path: `shares.${index}.tag`, message: "is another share's of this machine" });
  }
  for (const index of duplicates(shares.map(mountPointOf))) {
    problems.push({ path: `shares.${index}.mountPoint`, message: "is another share's of this machine" });
  }
  const users = firstBoot?.users ?? [];
  for (const index of duplicates(users.map(({ name }) => name))) {
    problems.push({ path: `firstBoot.users.${index}.name`, message: "is another user's of this machine" });
  }
  if (definition.firmware.type === "bios" && definition.architecture === "aarch64") {
    problems.push({ path: "firmware.type", message: "bios does not exist on aarch64; use uefi" });
  }
  return problems;
}

function duplicates(values: readonly (string | number)[]): number[] {
  return values.flatMap((value, index) => (values.indexOf(value) < index ? [index] : []));
}

export function describeProblems(problems: readonly DefinitionProblem[]): string {
  return problems.map((problem) => (problem.path ? `${problem.path} ${problem.message}` : problem.message)).join("; ");
}
