/**
 * The words of this room: what a QEMU process needs to know beyond the definition, and where its channels are.
 * Types only; nothing here runs. Paths are absolute and in the host's own style unless said otherwise.
 */
import type { RuntimeForward } from "../model/index.ts";

export type Platform = "linux" | "darwin" | "win32";

/** The sockets of a machine. `vivAgent` is the port of our own guest agent, `agent` that of qemu-guest-agent. */
export const channelNames = ["control", "rescue", "serial", "agent", "vivAgent", "vnc"] as const;
export type ChannelName = (typeof channelNames)[number];

/** Unix sockets in `runDirectory`; their names are in `channels.ts`. The caller keeps each path ≤ 103 bytes. */
export interface UnixTransport {
  readonly kind: "unix";
}

/**
 * Loopback TCP for Windows, where Node cannot open AF_UNIX. Never plain: every chardev takes a pre-shared key.
 * VNC refuses pre-shared keys (“Unsupported TLS cred type tls-creds-psk”, QEMU 10.0), so it wants certificates
 * with a client certificate demanded; without `certificateDirectory` the machine has a screen but no VNC server.
 */
export interface TlsTransport {
  readonly kind: "tls";
  readonly host: "127.0.0.1";
  readonly ports: Readonly<Record<ChannelName, number>>;
  /** Holds `keys.psk`. */
  readonly credentialsDirectory: string;
  /** Holds `ca-cert.pem`, `server-cert.pem`, `server-key.pem`. */
  readonly certificateDirectory?: string;
}

export type Transport = UnixTransport | TlsTransport;

/** How to reach one channel from Node. */
export type ChannelAddress =
  | { readonly kind: "unix"; readonly path: string }
  | { readonly kind: "tls"; readonly host: string; readonly port: number };

/** `native` exists only with `direct` (O_DIRECT); `direct` fails on tmpfs. Off Linux: `threads`. */
export type DiskIo = { readonly aio: "io_uring" | "threads"; readonly direct: boolean } | { readonly aio: "native"; readonly direct: true };

/** One image below a disk's own, already checked by us; nothing outside this list is ever opened. */
export interface BackingImage {
  readonly file: string;
  readonly format: "qcow2" | "raw";
  /** As in DiskLayout. */
  readonly virtualBytes?: number;
}

/** What the image headers say about a disk. */
export interface DiskLayout {
  /** The image the guest writes to now. Absent: where the definition says. */
  readonly file?: string;
  /** Its format; a layer over a raw disk is qcow2. Absent: as the definition says. */
  readonly format?: "qcow2" | "raw";
  /** Top first, base last; empty for an image that stands alone. */
  readonly backingChain: readonly BackingImage[];
  /** Sizes the qcow2 L2 cache where the default is too small. Absent: QEMU's default. */
  readonly virtualBytes?: number;
}

export interface FirmwareFiles {
  /** Code image, raw. For `bios`: the file for `-bios`. */
  readonly code: string;
  /** The machine's own variable store, qcow2 so that snapshots include it. UEFI only. */
  readonly vars?: string;
  /** What it stands on, as with disks. Absent: nothing. */
  readonly varsChain?: readonly BackingImage[];
}

export interface MemoryFile {
  readonly file: string;
  /**
   * `shared`: the guest writes to the file. `private`: it reads from it, and what it writes is its own; the file is never
   * written, and QEMU cannot punch holes into it (`readonly`), which ballooning otherwise would.
   */
  readonly mapping: "shared" | "private";
}

/** Everything about this host and this start that is not in the definition. The caller finds it out; we only read it. */
export interface LaunchContext {
  readonly platform: Platform;
  /** Major and minor version of the emulator. */
  readonly qemuVersion: readonly [number, number];
  readonly accelerator: {
    readonly name: "kvm" | "hvf" | "whpx" | "tcg";
    /** `["-accel", "tcg,thread=multi,tb-size=128"]`: exactly one accelerator. */
    readonly arguments: readonly string[];
    /** The model where the definition says `auto`. */
    readonly cpuModel: string;
  };
  /** Folders for `-L`, in order. */
  readonly dataDirectories: readonly string[];
  /** Needed for uefi and uefi-secure; for bios and direct-kernel QEMU's own default serves when absent. */
  readonly firmware?: FirmwareFiles;
  /** Relative files of the definition are below it. */
  readonly machineDirectory: string;
  /** 0700; holds the unix sockets. */
  readonly runDirectory: string;
  /** `serial.log` is appended to here. */
  readonly logDirectory: string;
  readonly transport: Transport;
  readonly diskIo: DiskIo;
  /** Zeroes a guest writes take no space. Only for a QEMU whose qcow2 discards without losing a write (`discardsSafely`). */
  readonly detectZeroes?: boolean;
  /** One entry a qcow2 disk, by disk id. A missing entry is a mistake, never “no backing file”. */
  readonly disks: Readonly<Record<string, DiskLayout>>;
  /** Forwards with host ports chosen; `adapter` is the index in `networks`. */
  readonly forwards: readonly RuntimeForward[];
  /** Sockets of the segments that adapters are on, by the adapter's index. Needed for mode `segment`. */
  readonly segments?: Readonly<Record<number, string>>;
  /** `opt/dev.vivarium/…` → file. */
  readonly fwCfg: readonly { readonly name: string; readonly file: string }[];
  /** The medium of the first boot. Needed by definitions whose first boot is cloud-init's. */
  readonly seed?: string;
  /** Files of one SMBIOS type 11 string each. */
  readonly credentials?: readonly string[];
  /** UUID of this execution; a new one after every restore or clone. x86_64 guests only. */
  readonly vmGenerationId?: string;
  /** swtpm's control socket, already listening. Needed with `devices.tpm`. */
  readonly tpmSocket?: string;
  /** Guest CID ≥ 3. Needed with `devices.vsock`. */
  readonly vsockCid?: number;
  /** virtiofsd is here and fit: guests' memory can be served to it. */
  readonly virtiofs?: boolean;
  /** Folders of the definition's shares with links resolved, by tag; those that are not there are missing. */
  readonly sharePaths?: Readonly<Record<string, string>>;
  /** QEMU keymap name for VNC (`de`). Absent: en-us. */
  readonly keyboardLayout?: string;
  /** seccomp; Linux only, ignored elsewhere. */
  readonly sandbox: boolean;
  /** `-S`: the processors wait for `cont`. */
  readonly paused: boolean;
  /** `-incoming defer`: the machine waits for `migrate-incoming`. */
  readonly incoming: boolean;
  /** The guest's memory is this file instead of memory of QEMU's own (POSIX hosts). */
  readonly memoryFile?: MemoryFile;
}
