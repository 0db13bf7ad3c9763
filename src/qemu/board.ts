import { type Definition, mostShares, vivError } from "../model/index.ts";

/**
 * Where every device sits. Addresses are fixed by the device's kind and its place in the definition, so that
 * adding one later never renumbers another: a guest keeps its interface names, a saved state its devices.
 *
 * All are on the root bus `pcie.0` (slot 0 is the host bridge, 0x1f the ICH9 LPC bridge of q35):
 *
 *     0x01        display
 *     0x02.0–7    virtio-serial, rng, balloon, tablet, keyboard, pvpanic, watchdog, vsock
 *     0x03–0x06   network adapters 0–3
 *     0x07.0–3    empty root ports port0–port3, for hot-plug
 *     0x08        SCSI controller
 *     0x09.0–2    SATA controllers, six ports each; the first port is the CD-ROM drive's
 *     0x0a.0–4    root ports share0–share4 of machines with shared folders
 *     0x0e–0x1d   virtio and NVMe disks 0–15
 */
const slots = { display: 0x01, shared: 0x02, network: 0x03, ports: 0x07, scsi: 0x08, sata: 0x09, shares: 0x0a, disks: 0x0e } as const;

const sharedFunctions = ["serial", "rng", "balloon", "tablet", "keyboard", "panic", "watchdog", "vsock"] as const;

export interface PciPlace {
  readonly bus: "pcie.0";
  readonly addr: string;
  readonly multifunction?: true;
}

function place(slot: number, fn = 0): PciPlace {
  return { bus: "pcie.0", addr: `0x${slot.toString(16)}${fn === 0 ? "" : `.0x${fn}`}` };
}

/** Function 0 of a slot that has further functions says so; guests look for the others only then. */
function sharedPlace(slot: number, fn: number): PciPlace {
  return fn === 0 ? { ...place(slot), multifunction: true } : place(slot, fn);
}

export const pci = {
  display: place(slots.display),
  scsi: place(slots.scsi),
  /** A device of the shared slot; `serial` is function 0 and is in every machine. */
  shared: (name: (typeof sharedFunctions)[number]): PciPlace => sharedPlace(slots.shared, sharedFunctions.indexOf(name)),
  network: (adapter: number): PciPlace => place(slots.network + adapter),
  rootPort: (port: number): PciPlace => sharedPlace(slots.ports, port),
  sharePort: (port: number): PciPlace => sharedPlace(slots.shares, port),
  sata: (controller: number): PciPlace => sharedPlace(slots.sata, controller),
  disk: (slot: number): PciPlace => place(slots.disks + slot),
  /** In a hot-plug port: where a device that came while the machine ran stays. */
  behindPort: (port: number): { bus: string } => ({ bus: `port${port}` }),
} as const;

/** Empty root ports every machine has, for devices that come while it runs: ids `port0`…`port3`. */
export const hotPlugPorts = 4;

/** One a share, and one for whoever measures them. */
export const sharePorts = mostShares + 1;

export type Board = "q35" | "virt";

/**
 * The family of a machine type.
 *
 * @throws VivError `invalid-definition` for a type this layout was not made for, or one of the other architecture.
 */
export function boardOf(definition: Pick<Definition, "machineType" | "architecture">): Board {
  const { machineType, architecture } = definition;
  if (architecture === "x86_64" && /^(pc-q35-[\d.]+|q35)$/.test(machineType)) return "q35";
  if (architecture === "aarch64" && /^virt(-[\d.]+)?$/.test(machineType)) return "virt";
  const example = architecture === "x86_64" ? "pc-q35-10.0" : "virt-10.0";
  throw vivError(
    "invalid-definition",
    `machineType: “${machineType}” is no board for ${architecture} machines.`,
    `Write for example ${example}.`,
  );
}
