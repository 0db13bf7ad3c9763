/**
 * What exists on which host: docs/traps.md §2 (from QEMU's meson and Kconfig conditions, its
 * migration blockers, and the code named there) as data. A row says why not, or nothing when the feature is there.
 */
import { backend } from "./accelerators.ts";
import type { AcceleratorName, Architecture, Feature, FeatureName, Platform, ProgramName } from "./types.ts";
import { versionAtLeast } from "./version.ts";

export interface FeatureFacts {
  readonly platform: Platform;
  /** The guest's. */
  readonly architecture: Architecture;
  readonly accelerator: AcceleratorName;
  readonly qemuVersion: string;
  /** Does the toolchain come with this program? */
  readonly has: (name: ProgramName) => boolean;
}

interface Row {
  readonly name: FeatureName;
  readonly title: string;
  /** Why it is not there; undefined when it is. */
  readonly missing: (facts: FeatureFacts) => string | undefined;
  /** Said of a feature that is there and weaker than it sounds. */
  readonly caveat?: (facts: FeatureFacts) => string | undefined;
  /** What Vivarium does where it is missing. */
  readonly instead?: string;
}

const none = (): undefined => undefined;

/** `on(["linux"], "KSM is a part of Linux.")`: the reason everywhere but on these systems. */
function on(platforms: readonly Platform[], reason: string): Row["missing"] {
  return ({ platform }) => (platforms.includes(platform) ? undefined : reason);
}

function since(major: number, minor: number, what: string): Row["missing"] {
  return ({ qemuVersion }) =>
    versionAtLeast(qemuVersion, major, minor) ? undefined : `${what} needs QEMU ${major}.${minor}; this is ${qemuVersion}.`;
}

/** The first reason among several. */
function either(...reasons: readonly Row["missing"][]): Row["missing"] {
  return (facts) => reasons.map((reason) => reason(facts)).find((reason) => reason !== undefined);
}

const program =
  (name: ProgramName): Row["missing"] =>
  ({ has }) =>
    has(name) ? undefined : `The program ${name} was not found.`;

const rows: readonly Row[] = [
  {
    name: "security-boundary",
    title: "Isolation that counts as a security boundary",
    missing: none,
    instead: "Keep hostile guests off this host, or run them where KVM or HVF works.",
  },
  {
    name: "ram-snapshots",
    title: "Snapshots with memory, suspend to disk",
    missing: since(8, 2, "Saving memory into a file"),
    instead: "Snapshots keep the disks only.",
  },
  {
    name: "memory-backed-forks",
    title: "Forks that share memory",
    missing: either(
      on(["linux", "darwin"], "QEMU cannot map a machine's memory from a file on Windows."),
      since(8, 2, "Mapping a template's memory read-only"),
    ),
    instead: "A linked clone of the disk boots.",
  },
  {
    name: "tpm",
    title: "Emulated TPM",
    missing: either(on(["linux", "darwin"], "QEMU's TPM emulation needs a POSIX system."), program("swtpm")),
  },
  {
    name: "smm-secure-boot",
    title: "Secure Boot protected by system management mode",
    missing: ({ architecture }) => (architecture === "x86_64" ? undefined : "Arm has no system management mode."),
    instead: "Secure Boot with variables kept by QEMU itself (uefi-vars), where this QEMU has it.",
  },
  {
    name: "uefi-vars-secure-boot",
    title: "Secure Boot with variables kept by QEMU",
    missing: since(10, 0, "The uefi-vars device"),
  },
  {
    name: "9p",
    title: "Shared folders by 9p",
    missing: on(["linux", "darwin"], "QEMU's 9p server is not built for Windows."),
    instead: "Folders are kept in step by `viv sync`.",
  },
  {
    name: "virtiofs",
    title: "Shared folders by virtiofs",
    missing: either(on(["linux"], "virtiofsd exists on Linux only."), program("virtiofsd")),
    instead: "Folders are kept in step by `viv sync`.",
  },
  {
    name: "virtio-mem",
    title: "Memory resized while running (virtio-mem)",
    missing: on(["linux"], "virtio-mem is built for Linux hosts only."),
    instead: "Memory changes at the next start.",
  },
  {
    name: "balloon-frees-ram",
    title: "A balloon that gives memory back to the host",
    missing: on(["linux", "darwin"], "QEMU cannot give a guest's pages back to Windows."),
    caveat: ({ platform }) => (platform === "darwin" ? "macOS takes it as advice and may keep the pages." : undefined),
  },
  { name: "ksm", title: "Equal pages merged (KSM)", missing: on(["linux"], "KSM is a part of Linux.") },
  {
    name: "sandbox",
    title: "QEMU's own system call filter",
    missing: on(["linux"], "QEMU's sandbox is seccomp, a part of Linux."),
  },
  {
    name: "image-locking",
    title: "Disk images locked by QEMU",
    missing: on(["linux"], "QEMU locks images with Linux's OFD locks alone."),
    instead: "Vivarium holds a lock file beside each image.",
  },
  {
    name: "durable-flush",
    title: "A guest's flush reaches the platter",
    missing: on(
      ["linux", "win32"],
      "QEMU calls plain fsync, which on macOS may leave data in the drive's cache: a power cut can lose a guest's last writes.",
    ),
  },
  {
    name: "unix-sockets",
    title: "Sockets as files",
    missing: on(["linux", "darwin"], "Node speaks named pipes on Windows, where QEMU speaks Unix sockets or TCP."),
    instead: "TCP on the loopback, with TLS and a key of this user.",
  },
  {
    name: "passt",
    title: "NAT by passt",
    missing: either(on(["linux"], "passt exists on Linux only."), since(10, 1, "`-netdev passt`")),
    instead: "NAT by slirp.",
  },
  { name: "vmnet", title: "Apple's shared and bridged network (vmnet)", missing: on(["darwin"], "vmnet is a part of macOS.") },
  {
    name: "bridged-network",
    title: "Bridged network",
    missing: on(["linux", "darwin"], "Windows needs a TAP driver that Vivarium does not install."),
    caveat: ({ platform }) =>
      platform === "linux" ? "The administrator must allow the bridge in /etc/qemu/bridge.conf." : "vmnet asks for root or an entitlement.",
  },
  {
    name: "vsock",
    title: "Sockets to the guest (vsock)",
    missing: on(["linux"], "vhost-vsock is a part of Linux."),
    instead: "virtio-serial.",
  },
  {
    name: "io-uring",
    title: "Disk I/O by io_uring",
    missing: on(["linux"], "io_uring is a part of Linux."),
    instead: "A pool of threads.",
  },
];

/** The column of one host and accelerator: every feature, with the reason where it is missing. Pure. */
export function features(facts: FeatureFacts): readonly Feature[] {
  const gaps = backend(facts.accelerator).lacking;
  return rows.map(({ name, title, missing, caveat, instead }) => {
    const reason = gaps.find((gap) => gap.feature === name)?.reason ?? missing(facts);
    if (reason !== undefined) return { name, title, available: false, reason, ...(instead === undefined ? {} : { instead }) };
    const weaker = caveat?.(facts);
    return { name, title, available: true, ...(weaker === undefined ? {} : { reason: weaker }) };
  });
}
