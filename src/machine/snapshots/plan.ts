import { type CommandArguments, type CommandName, type LaunchContext, overlayNode } from "../../qemu/index.ts";

/** What is said to QEMU for a snapshot, as data: golden tests pin it, runners carry it out. Pure. */

/** One command of a sequence. */
export type Step = { [N in CommandName]: { readonly execute: N; readonly arguments: CommandArguments<N> } }[CommandName];

/** A disk of a running machine, and the layer that will lie over it. */
export interface LiveDisk {
  /** The disk's id, or the firmware's variables. */
  readonly key: string;
  /** The node of the layer the guest writes to now. */
  readonly node: string;
  /** The node its device stands on; another one than `node` where a filter (a limit) lies between. */
  readonly root: string;
  /** Relative to the machine's folder. */
  readonly layer: string;
}

export interface Overlay {
  readonly disk: LiveDisk;
  readonly layer: string;
  /** Absolute. */
  readonly file: string;
  readonly virtualBytes: number;
}

/** A node's name of at most 31 bytes with its file's; the layer's random digits make it unique. */
export function overlayNodeName(layer: string): string {
  const name = layer.replace(/^layers\//, "").replace(/\.qcow2$/, "");
  const hex = name.slice(-7);
  return `${name.slice(0, -7).slice(0, 18)}${hex}`;
}

/** Opens the overlays beside the running disks. Without a backing node: they get the running one when they are put on. */
export function openOverlays(overlays: readonly Overlay[], context: Pick<LaunchContext, "platform" | "diskIo">): Step[] {
  return overlays.map(({ layer, file, virtualBytes }) => ({
    execute: "blockdev-add",
    arguments: overlayNode(overlayNodeName(layer), { file, virtualBytes }, context),
  }));
}

/** All disks get their overlays at one moment, or none does. */
export function putOverlaysOn(overlays: readonly Overlay[]): Step {
  return {
    execute: "transaction",
    arguments: {
      actions: overlays.map(({ disk, layer }) => ({
        type: "blockdev-snapshot",
        data: { node: disk.node, overlay: overlayNodeName(layer) },
      })),
    },
  };
}

export function closeOverlays(overlays: readonly Overlay[]): Step[] {
  return overlays.map(({ layer }) => ({ execute: "blockdev-del", arguments: { "node-name": overlayNodeName(layer) } }));
}

/** Bytes a second: no limit; the default is 128 MiB/s. */
const unlimitedBandwidth = 2 ** 40;
/** Memory that may be left to write when the guest is stopped, as time, ms; the default of 300 would be the pause. */
const downtimeMs = 20;

/**
 * Memory goes to a file while the guest runs; QEMU stops it when little is left, and waits there (`pre-switchover`)
 * for the disks to be switched at the very same moment.
 */
export function saveLiveMemory(file: string, mappedRam: boolean): Step[] {
  return [
    capabilities({ "pause-before-switchover": true, ...(mappedRam ? { "mapped-ram": true } : {}) }),
    { execute: "migrate-set-parameters", arguments: { "max-bandwidth": unlimitedBandwidth, "downtime-limit": downtimeMs } },
    { execute: "migrate", arguments: { uri: `file:${file}` } },
  ];
}

export const finishMemory: Step = { execute: "migrate-continue", arguments: { state: "pre-switchover" } };

/** As suspend and others expect them. */
export function usualCapabilities(mappedRam: boolean): Step {
  return capabilities({ "pause-before-switchover": false, ...(mappedRam ? { "mapped-ram": false } : {}) });
}

export function loadMemory(file: string, mappedRam: boolean): Step[] {
  return [
    capabilities(mappedRam ? { "mapped-ram": true } : {}),
    { execute: "migrate-set-parameters", arguments: { "max-bandwidth": unlimitedBandwidth } },
    { execute: "migrate-incoming", arguments: { uri: `file:${file}` } },
  ];
}

function capabilities(wanted: Record<string, boolean>): Step {
  return {
    execute: "migrate-set-capabilities",
    arguments: { capabilities: Object.entries({ events: true, ...wanted }).map(([capability, state]) => ({ capability, state })) },
  };
}
