import type { HostReport } from "../../../../src/api/index.ts";

/** A Linux host whose /dev/kvm opens and does not help. */
export function hostReport(): HostReport {
  return {
    platform: "linux",
    architecture: "x86_64",
    cores: 2,
    memoryBytes: 8 * 1024 ** 3,
    qemu: { version: "10.0.13", source: "bundle", path: "/home/ada/.vivarium/bin/0.1.0/qemu-system-x86_64" },
    qemuProblem: null,
    accelerators: [
      {
        name: "kvm",
        title: "KVM",
        builtIn: true,
        permitted: true,
        works: false,
        chosen: false,
        loopMs: null,
        relativeSpeed: null,
        reason: "the probe did not end in 2 s",
        hint: "Nested hosts often have a /dev/kvm that does not work.",
      },
      { name: "tcg", title: "TCG", builtIn: true, permitted: true, works: true, chosen: true, loopMs: 212.4, relativeSpeed: 1, reason: "" },
      {
        name: "hvf",
        title: "Hypervisor.framework",
        builtIn: false,
        permitted: false,
        works: false,
        chosen: false,
        loopMs: null,
        relativeSpeed: null,
        reason: "macOS only",
      },
    ],
    features: [
      { name: "9p", title: "Shared folders (9p)", available: true, reason: "", instead: "" },
      { name: "virtiofs", title: "Shared folders (virtiofs)", available: false, reason: "virtiofsd was not found", instead: "9p" },
    ],
    probeMs: 0,
    home: "/home/ada/.vivarium",
    freeBytes: 40 * 1024 ** 3,
  };
}
