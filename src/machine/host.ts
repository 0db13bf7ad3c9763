import type { Choice, Platform, ProcessIdentity, Toolchain } from "../backends/index.ts";
import type { Definition, MachineState, OperationView } from "../model/index.ts";

/** What a machine needs from the host it lives on. Implemented by host/; the arrow points this way only. */
export interface MachineHost {
  readonly platform: Platform;
  /** This vivd: the owner of operations in progress. */
  readonly self: ProcessIdentity;
  /** The home folder; disks may be built only on images inside it. */
  readonly homeFolder: string;
  readonly cores: number;
  readonly memoryBytes: number;
  /** Holds one short folder of sockets for each machine. */
  readonly runFolder: string;
  /** `viv-agent` for a guest of this architecture, where it came with Vivarium. */
  agentProgram(architecture: Definition["architecture"]): Promise<Buffer | undefined>;
  /** The QEMU in use. @throws VivError `qemu-missing`, `qemu-too-old`, `bundle-damaged`. */
  toolchain(): Promise<Toolchain>;
  /** A QEMU of an earlier bundle, kept because a suspended machine needs it. @throws VivError `host-cannot`. */
  toolchainById(id: string): Promise<Toolchain>;
  accelerator(definition: Pick<Definition, "architecture" | "accelerator" | "cpuModel">): Promise<Choice>;
  /** Two machines with one id (a folder copied by hand) would share their sockets. @throws VivError `damaged` while the other one runs. */
  requireOwnRunFolder(machine: MachineIdentity): void;
  /** A TCP or UDP port of the host that is free now; `wanted` when it is. */
  freePort(protocol: "tcp" | "udp", address: string, wanted?: number): Promise<number>;
  /** Is the given port free? */
  portIsFree(protocol: "tcp" | "udp", address: string, port: number): Promise<boolean>;
  /**
   * Sockets of the segments that the definition's adapters are on, by the adapter's index; the segments run then.
   * @throws VivError `not-found` for a network that does not exist, `host-cannot`.
   */
  attachNetworks(machine: MachineIdentity, definition: Definition): Promise<Record<number, string>>;
  /** Told after every change that a view may show. */
  changed(machine: MachineIdentity): void;
  /** Told when disks, snapshots or shared folders changed without a request. */
  storageChanged(machine: MachineIdentity): void;
  readiness(machine: MachineIdentity, step: string, ms: number): void;
  notice(machine: MachineIdentity, level: "info" | "warning" | "error", message: string, hint?: string): void;
}

export interface MachineIdentity {
  readonly id: string;
  readonly name: string;
}

export interface MachineView {
  readonly status: MachineState;
  readonly operation: OperationView | undefined;
}

/** How long work reports and is cancelled. */
export interface Work {
  readonly signal: AbortSignal;
  progress(report: OperationView): void;
}
