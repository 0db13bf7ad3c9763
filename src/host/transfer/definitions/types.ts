import type { Architecture, Disk, Display, Firmware } from "../../../model/index.ts";

export interface ForeignDisk {
  /** Absolute. */
  readonly file: string;
  /** What the definition says it is; raw is found out from its content. */
  readonly format: "qcow2" | "vmdk" | "vdi" | "vhdx" | "vpc" | undefined;
  readonly bus: Disk["bus"];
  readonly readOnly: boolean;
}

export interface ForeignForward {
  readonly protocol: "tcp" | "udp";
  readonly hostPort?: number | undefined;
  readonly guestPort: number;
}

export interface ForeignAdapter {
  readonly model: "virtio" | "e1000e";
  /** Lower case with colons. */
  readonly mac: string | undefined;
  readonly linkUp: boolean;
  readonly forwards: readonly ForeignForward[];
}

/** A machine as another manager's definition describes it, in our words. */
export interface ForeignMachine {
  /** Who wrote it: `libvirt`, `VirtualBox`. */
  readonly origin: string;
  readonly architecture: Architecture;
  readonly cpus: number | undefined;
  readonly memoryBytes: number | undefined;
  readonly firmware: Exclude<Firmware["type"], "direct-kernel">;
  readonly kernel?: { readonly kernel: string; readonly initrd?: string | undefined; readonly append: string } | undefined;
  readonly disks: readonly ForeignDisk[];
  /** A CD in its drive; an empty drive is `{}`. */
  readonly cdrom?: { readonly file?: string | undefined } | undefined;
  readonly adapters: readonly ForeignAdapter[];
  readonly display: Display["type"];
  readonly tpm: boolean;
  readonly watchdog: boolean;
  readonly bootOrder: readonly ("disk" | "cdrom" | "network")[];
  readonly note: string | undefined;
  /** What could not be carried over, or was changed on the way: a sentence each. */
  readonly report: readonly string[];
}

/** Most devices of a kind that are read. */
export const mostDisks = 16;
export const mostAdapters = 4;

/** The first use of each. */
export function distinct<T>(values: readonly T[]): T[] {
  return [...new Set(values)];
}

/** A MAC address that a machine of ours may have: unicast; otherwise it gets a new one. */
export function unicastMac(text: string | undefined): string | undefined {
  const mac = text?.toLowerCase();
  return mac !== undefined && /^([0-9a-f][02468ace])(:[0-9a-f]{2}){5}$/.test(mac) ? mac : undefined;
}
