/**
 * The words of this room: programs, toolchains, accelerators, and the report about a host.
 * Types only; nothing here runs.
 */
import type { Architecture } from "../model/index.ts";
import type { Host } from "./host.ts";

export type { Architecture };
export type Platform = "linux" | "darwin" | "win32";

/** In the order they are preferred when several work; TCG is emulation and always there. */
export type AcceleratorName = "kvm" | "hvf" | "whpx" | "tcg";

// ── The toolchain: which QEMU ────────────────────────────────────────────────────────────────

export type ProgramName =
  | "qemu-system-x86_64"
  | "qemu-system-aarch64"
  | "qemu-img"
  | "qemu-storage-daemon"
  | "swtpm"
  | "swtpm_setup"
  | "virtiofsd"
  | "node"
  /** The same by the bundle's own loader, for a host whose C library is too old. */
  | "node-with-loader";

/** A program ready to spawn: `file`, then `argsPrefix`, then the caller's arguments; `env` is added to the caller's. */
export interface Program {
  readonly file: string;
  /** In a Linux bundle `file` is the bundle's own loader, and this holds its flags and the real program. */
  readonly argsPrefix: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

export type FirmwareKind = "bios" | "uefi" | "uefi-secure" | "microvm";

export interface Firmware {
  /** Absolute path of the code image, never written; for `bios` and `microvm` the file for `-bios`. */
  readonly code: string;
  /** Absolute path of the empty (or key-enrolled) variable store to copy for a new machine. Absent for `bios`. */
  readonly vars?: string;
}

/** One QEMU and what comes with it. Paths are absolute. */
export interface Toolchain {
  readonly source: "setting" | "bundle" | "path";
  /** QEMU's version, `10.0.13`. Capabilities are probed; this is for people and for the features table. */
  readonly version: string;
  /** The unpacked bundle, or the folder of the setting. */
  readonly root?: string;
  /** 16 hex digits from the emulator's content: the key of every cache about this QEMU. */
  readonly id: string;
  /** @throws VivError `qemu-missing` (with an install command as hint) when this QEMU comes without it. */
  program(name: ProgramName): Program;
  has(name: ProgramName): boolean;
  /**
   * The system emulator for an architecture. In a bundle, the other architecture's pack is unpacked on first need.
   * @throws VivError as `program`.
   */
  emulator(architecture: Architecture): Promise<Program>;
  /** Folders for repeated `-L`; empty when QEMU finds its own. */
  readonly dataDirectories: readonly string[];
  /** Undefined when this QEMU has no such firmware; for `bios` QEMU's own default may still serve. */
  firmware(architecture: Architecture, kind: FirmwareKind): Firmware | undefined;
}

// ── Accelerators ─────────────────────────────────────────────────────────────────────────────

/** An answer with what a person needs when it is no. `reason` says what is so, `hint` the next step (exact command). */
export type Verdict = { readonly ok: true } | { readonly ok: false; readonly reason: string; readonly hint?: string };

export interface Explanation {
  readonly reason: string;
  readonly hint?: string;
}

/** A feature that this accelerator lacks on this host, in words. */
export interface FeatureGap {
  readonly feature: FeatureName;
  readonly reason: string;
}

/** One way to ask for an accelerator: builds of QEMU and of the OS differ in which one works. */
export interface Variant {
  /** The value of `-accel`, e.g. `whpx,kernel-irqchip=off`. */
  readonly accel: string;
  /** The value of `-cpu` unless the machine names its own model. */
  readonly cpu: string;
}

export interface ArgumentOptions {
  readonly architecture: Architecture;
  /** Overrides the accelerator's default model; `-cpu` of the machine's own choice. */
  readonly cpuModel?: string;
  /** The variant that the probe found working; default: the backend's first. */
  readonly variant?: Variant;
  /** TCG's translation cache in MiB per process. Default 128 (docs/traps.md §3). Ignored by others. */
  readonly translationCacheMiB?: number;
}

/**
 * One hypervisor of a host. Add one: copy a file (`kvm.ts`), list it in `accelerators.ts`.
 * Whether it is compiled into an emulator is asked once for all (`accelerators.ts`); whether it runs, by `probe.ts`.
 */
export interface Backend {
  readonly name: AcceleratorName;
  /** As people write it: `KVM`, `Hypervisor.framework (HVF)`. */
  readonly title: string;
  /** Host systems it exists on. */
  readonly platforms: readonly Platform[];
  /** Does the host let this user use it? Looks only; `probe` runs. */
  permitted(host: Host, processor: Architecture): Promise<Verdict>;
  /** The ways to ask for it, the preferred first. */
  variants(architecture: Architecture, qemuVersion: string): readonly Variant[];
  /** What QEMU's complaint means and what to do about it; undefined when nothing is known. */
  explain(stderr: string, emulator: Program): Explanation | undefined;
  /** `["-accel", …, "-cpu", …]`: exactly one accelerator. */
  arguments(options: ArgumentOptions): string[];
  /** What machines under it lack, whatever the version. */
  readonly lacking: readonly FeatureGap[];
}

/** How one accelerator did with the probe's payload. */
export type ProbeResult =
  | {
      readonly outcome: "works";
      /** Wall time of the payload's fixed loop, host clock, ms. */
      readonly loopMs: number;
      readonly variant: Variant;
    }
  | {
      readonly outcome: "fails" | "slow";
      /** The last step the guest reached, in words (`cmpxchg16b`), where it got anywhere. */
      readonly step?: string;
      readonly reason: string;
      readonly hint?: string;
    };

/** One line of `viv doctor`. */
export interface AcceleratorReport {
  readonly name: AcceleratorName;
  readonly title: string;
  readonly builtIn: boolean;
  readonly permitted: boolean;
  /** It ran the probe's guest to its end and not slower than emulation. */
  readonly works: boolean;
  /** Wall time of the probe's loop in ms, where it ended. Smaller is faster. */
  readonly score?: number;
  /** Speed against TCG, 1 for TCG itself; absent where the loop did not end. */
  readonly speed?: number;
  /** The argv this accelerator was proven with. */
  readonly variant?: Variant;
  /** Why it does not work or was not chosen. */
  readonly reason?: string;
  readonly hint?: string;
  /** True for exactly one of a report. */
  readonly chosen: boolean;
}

// ── Features ─────────────────────────────────────────────────────────────────────────────────

export type FeatureName =
  | "security-boundary"
  | "ram-snapshots"
  | "memory-backed-forks"
  | "tpm"
  | "smm-secure-boot"
  | "uefi-vars-secure-boot"
  | "9p"
  | "virtiofs"
  | "virtio-mem"
  | "balloon-frees-ram"
  | "ksm"
  | "sandbox"
  | "image-locking"
  | "durable-flush"
  | "unix-sockets"
  | "passt"
  | "vmnet"
  | "bridged-network"
  | "vsock"
  | "io-uring";

/** One cell of docs/traps.md §2, for this host and the accelerator asked about. */
export interface Feature {
  readonly name: FeatureName;
  readonly title: string;
  readonly available: boolean;
  /** Why not, or what is weaker than it sounds; in words for people. */
  readonly reason?: string;
  /** What Vivarium does in its place. */
  readonly instead?: string;
}

// ── The report ───────────────────────────────────────────────────────────────────────────────

export interface ToolchainReport {
  readonly source: Toolchain["source"];
  readonly version: string;
  readonly root?: string;
  readonly id: string;
  readonly programs: readonly ProgramName[];
}

/** What this host offers. Plain data: it crosses the API as JSON. */
export interface HostReport {
  readonly platform: Platform;
  /** The processor's own, also where Node runs translated (Rosetta, x64 on Windows arm64). */
  readonly architecture: Architecture;
  /** Set when the running Node is of another architecture than the processor. */
  readonly translated?: string;
  readonly cores: number;
  readonly memoryBytes: number;
  readonly toolchain: ToolchainReport;
  readonly accelerators: readonly AcceleratorReport[];
  readonly chosen: AcceleratorName;
  /** Features under the chosen accelerator. */
  readonly features: readonly Feature[];
  /** Wall time of the probe in ms; 0 when it came from the cache. */
  readonly probeMs: number;
}

/** The accelerator for one machine. */
export interface Choice {
  readonly name: AcceleratorName;
  readonly variant: Variant;
  /** `["-accel", …, "-cpu", …]`. */
  readonly arguments: readonly string[];
  /** Why it is not something faster, for people; absent when it is the best there is. */
  readonly reason?: string;
  readonly hint?: string;
}

// ── Processes ────────────────────────────────────────────────────────────────────────────────

/** A process, named so that a reused pid is never taken for it. */
export interface ProcessIdentity {
  readonly pid: number;
  /** Opaque; equal only for the same process of the same boot. See `process.ts`. */
  readonly startTime: string;
}

export interface LaunchOptions {
  readonly program: Program;
  readonly args: readonly string[];
  /** The machine's folder; QEMU's working directory. */
  readonly cwd: string;
  /** Appended to; made with mode 0600. Both stdout and stderr. */
  readonly stderrFile: string;
  /** Name of the transient systemd scope (`vivarium-hello`), used where a user manager answers. */
  readonly scope?: string;
  readonly env?: Readonly<Record<string, string>>;
}

export interface Launched extends ProcessIdentity {
  /** The scope's unit name where it runs in one. */
  readonly unit?: string;
  /** Resolves when the process ends while we are its parent; it does not keep us running. Never rejects. */
  readonly exited: Promise<{ readonly code: number | null; readonly signal: string | null }>;
}
