import { type Definition, vivError } from "../../model/index.ts";
import { adapterNames } from "../../qemu/index.ts";
import type { Step } from "../snapshots/plan.ts";

/** What is said to QEMU for templates and forks, as data: golden tests pin it, runners carry it out. Pure. */

/**
 * Takes the uplinks off the adapters' hubs: the state of slirp would be saved with the devices' and then load into slirp
 * alone; without it every fork chooses its own uplink (docs/traps.md §6).
 */
export function takeUplinksOff(definition: Definition): Step[] {
  return definition.networks.flatMap((network, index): Step[] => {
    if (network.mode === "none") return [];
    const { hubPort, uplink } = adapterNames(index);
    return [hubPort, uplink].map((id) => ({ execute: "netdev_del", arguments: { id } }));
  });
}

/** Only the devices' state goes to the file: the guest's memory is one already. */
export function saveDeviceState(file: string): Step[] {
  return [ignoreSharedMemory(true), { execute: "migrate", arguments: { uri: `file:${file}` } }];
}

export function loadDeviceState(file: string): Step[] {
  return [ignoreSharedMemory(true), { execute: "migrate-incoming", arguments: { uri: `file:${file}` } }];
}

/** Before a fork is itself saved: its memory must be in the file then. */
export function ignoreSharedMemory(state: boolean): Step {
  return {
    execute: "migrate-set-capabilities",
    arguments: {
      capabilities: [
        { capability: "events", state: true },
        { capability: "x-ignore-shared", state },
      ],
    },
  };
}

/** QEMU maps a read-only file as memory that can be written since 8.2. @throws VivError `qemu-too-old` */
export function requireMappedMemory(qemuVersion: string): void {
  const [major = 0, minor = 0] = qemuVersion.split(".").map(Number);
  if (major > 8 || (major === 8 && minor >= 2)) return;
  throw vivError(
    "qemu-too-old",
    `QEMU ${qemuVersion} cannot map a template's memory; that came with 8.2.`,
    "Use the bundled QEMU: clear the setting vivarium.qemuPath.",
  );
}
