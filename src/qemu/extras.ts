import { type Definition, vivError } from "../model/index.ts";
import { hotPlugPorts, pci } from "./board.ts";
import type { LaunchContext } from "./types.ts";
import { option } from "./words.ts";

/** The small devices, and the empty ports that later ones are plugged into. */
export function extras(definition: Definition, context: LaunchContext): string[] {
  return [
    ...rootPorts(),
    ...randomness(definition),
    ...balloon(definition),
    ...option("-device", { driver: "pvpanic-pci", id: "panic", ...pci.shared("panic") }),
    ...generation(definition, context),
    ...watchdog(definition),
    ...vsock(definition, context),
  ];
}

function rootPorts(): string[] {
  return Array.from({ length: hotPlugPorts }, (_, index) =>
    option("-device", { driver: "pcie-root-port", id: `port${index}`, chassis: index + 1, slot: index + 1, ...pci.rootPort(index) }),
  ).flat();
}

/** QEMU's own generator asks the host's kernel. */
function randomness(definition: Definition): string[] {
  if (!definition.devices.rng) return [];
  return [
    ...option("-object", { "qom-type": "rng-builtin", id: "entropy" }),
    ...option("-device", { driver: "virtio-rng-pci", id: "rng", rng: "entropy", ...pci.shared("rng") }),
  ];
}

/**
 * No free-page reporting: a guest that negotiated it keeps it in every fork of its RAM, where giving pages back
 * would either punch holes into the template or fill the log with refusals (docs/traps.md §3).
 */
function balloon(definition: Definition): string[] {
  if (!definition.devices.balloon) return [];
  return option("-device", {
    driver: "virtio-balloon-pci",
    id: "balloon",
    "deflate-on-oom": true,
    "free-page-reporting": false,
    ...pci.shared("balloon"),
  });
}

/** Tells the guest that it is a copy. The virt board has no such device in QEMU 10. */
function generation(definition: Definition, context: LaunchContext): string[] {
  if (context.vmGenerationId === undefined || definition.architecture !== "x86_64") return [];
  return option("-device", { driver: "vmgenid", id: "generation", guid: context.vmGenerationId });
}

function watchdog(definition: Definition): string[] {
  return definition.devices.watchdog ? option("-device", { driver: "i6300esb", id: "watchdog", ...pci.shared("watchdog") }) : [];
}

function vsock(definition: Definition, context: LaunchContext): string[] {
  if (!definition.devices.vsock) return [];
  if (context.platform !== "linux") {
    throw vivError("host-cannot", "vsock exists only on Linux hosts.", "Set devices.vsock to false.");
  }
  if (context.vsockCid === undefined) throw vivError("internal", "A machine with vsock was started without a guest CID.");
  return option("-device", { driver: "vhost-vsock-pci", id: "vsock", "guest-cid": context.vsockCid, ...pci.shared("vsock") });
}
