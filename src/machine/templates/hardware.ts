import { createHash } from "node:crypto";
import { cpus } from "node:os";
import type { Choice, Toolchain } from "../../backends/index.ts";
import { type Definition, type TemplateRecord, vivError } from "../../model/index.ts";
import { commandLine, type LaunchContext } from "../../qemu/index.ts";
import { majorMinor } from "../launch.ts";
import { nvramBase } from "../layers.ts";

/** What a saved state depends on: it loads into the same QEMU, accelerator, processor and devices alone. */

export type Hardware = Pick<TemplateRecord, "qemuId" | "qemuVersion" | "accelerator" | "cpuModel" | "processor" | "hardware">;

export function hardwareOf(definition: Definition, toolchain: Toolchain, choice: Choice): Hardware {
  return {
    qemuId: toolchain.id,
    qemuVersion: toolchain.version,
    accelerator: choice.name,
    cpuModel: choice.variant.cpu,
    // An emulated processor is the same everywhere.
    ...(choice.name === "tcg" ? {} : { processor: cpus()[0]?.model ?? "" }),
    hardware: hashOfHardware(definition, toolchain.version),
  };
}

/** @throws VivError `host-cannot` with what differs */
export function requireSameHardware(record: TemplateRecord, definition: Definition, toolchain: Toolchain, choice: Choice): void {
  const here = hardwareOf(definition, toolchain, choice);
  const because = difference(record, here);
  if (because === undefined) return;
  throw vivError(
    "host-cannot",
    `The template ${record.name} does not fit this host: ${because}.`,
    `Start ${record.source.name} here and make it again: viv template create ${record.source.name} ${record.name}`,
  );
}

function difference(record: Hardware, here: Hardware): string | undefined {
  if (record.accelerator !== here.accelerator)
    return `it was made under ${record.accelerator}, and machines run under ${here.accelerator} here`;
  if (record.qemuId !== here.qemuId) return `it was made by another QEMU (${record.qemuVersion})`;
  if (record.cpuModel !== here.cpuModel) return `its processor is ${record.cpuModel}, here it would be ${here.cpuModel}`;
  if (record.processor !== here.processor) return `it was made on another processor (${record.processor})`;
  if (record.hardware !== here.hardware) return "this version of Vivarium gives a machine other devices";
  return undefined;
}

/** Of the command line with everything left out that is of one start or one host: ids, paths, ports. */
function hashOfHardware(definition: Definition, qemuVersion: string): string {
  const anybody: Definition = {
    ...definition,
    id: "00000000-0000-0000-0000-000000000000",
    name: "any",
    networks: definition.networks.map(({ mac: _mac, ...network }) => ({ ...network, mac: "52:54:00:00:00:00" })) as Definition["networks"],
    disks: definition.disks.map((disk) => ({ ...disk, file: "disk", format: "raw" as const })),
    firmware: definition.firmware.type === "direct-kernel" ? { type: "direct-kernel", kernel: "/kernel", append: "" } : definition.firmware,
  };
  const { firstBoot: _done, cdrom, ...rest } = anybody;
  const words = commandLine(cdrom ? { ...rest, cdrom: {} } : rest, somewhere(anybody, qemuVersion));
  return createHash("sha256").update(words.join("\0")).digest("hex");
}

function somewhere(definition: Definition, qemuVersion: string): LaunchContext {
  return {
    platform: "linux",
    qemuVersion: majorMinor(qemuVersion),
    accelerator: { name: "tcg", arguments: [], cpuModel: "any" },
    dataDirectories: [],
    ...(nvramBase(definition) ? { firmware: { code: "/code", vars: "/vars" } } : {}),
    machineDirectory: "/machine",
    runDirectory: "/run",
    logDirectory: "/logs",
    transport: { kind: "unix" },
    diskIo: { aio: "threads", direct: false },
    disks: Object.fromEntries(definition.disks.map(({ id }) => [id, { format: "raw" as const, backingChain: [] }])),
    forwards: [],
    fwCfg: [],
    ...(definition.architecture === "x86_64" ? { vmGenerationId: "00000000-0000-0000-0000-000000000000" } : {}),
    ...(definition.devices.tpm ? { tpmSocket: "/tpm" } : {}),
    ...(definition.devices.vsock ? { vsockCid: 3 } : {}),
    sandbox: false,
    paused: true,
    incoming: true,
  };
}
