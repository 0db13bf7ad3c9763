/** The hosts whose reports are pinned in test/golden/backends/: each is a set of facts, as its owner would tell them. */
import type { Facts, FakeQemu, ProbeScript } from "./fake-host.ts";

export interface Case {
  /** One sentence: what is so on this host. */
  readonly story: string;
  readonly facts: Facts;
}

/** Exit codes of a guest that came to its end (probe.ts). */
const left = { x86_64: 85, aarch64: 0 };

function loop(architecture: "x86_64" | "aarch64", loopMs: number): ProbeScript {
  return {
    writes: [
      ["1234567L", 60],
      ["E", 60 + loopMs],
    ],
    exit: left[architecture],
  };
}

const linuxPrograms = {
  "qemu-system-x86_64": "/usr/bin/qemu-system-x86_64",
  "qemu-img": "/usr/bin/qemu-img",
  swtpm: "/usr/bin/swtpm",
};
const macPrograms = {
  "qemu-system-aarch64": "/opt/homebrew/bin/qemu-system-aarch64",
  "qemu-system-x86_64": "/opt/homebrew/bin/qemu-system-x86_64",
  "qemu-img": "/opt/homebrew/bin/qemu-img",
};
const windowsPrograms = {
  "qemu-system-x86_64": "C:/Program Files/qemu/qemu-system-x86_64.exe",
  "qemu-img": "C:/Program Files/qemu/qemu-img.exe",
};
const windowsArmPrograms = { "qemu-system-aarch64": "C:/msys64/clangarm64/bin/qemu-system-aarch64.exe" };

const linuxQemu: FakeQemu = {
  programs: linuxPrograms,
  version: "10.0.13 (Debian 1:10.0.13+ds-0+deb13u1)",
  accelerators: ["tcg", "xen", "kvm"],
  probes: { kvm: loop("x86_64", 19), "tcg,thread=multi": loop("x86_64", 210) },
};
const macQemu: FakeQemu = {
  programs: macPrograms,
  version: "11.0.2",
  accelerators: ["hvf", "tcg"],
  probes: { hvf: loop("aarch64", 11), "tcg,thread=multi": loop("aarch64", 120) },
};
const windowsQemu: FakeQemu = {
  programs: windowsPrograms,
  version: "11.0.2 (v11.0.2-12345)",
  accelerators: ["tcg", "whpx"],
  probes: { whpx: loop("x86_64", 24), "tcg,thread=multi": loop("x86_64", 260) },
};

const linux: Facts = {
  platform: "linux",
  processArchitecture: "x64",
  release: "6.12.48+deb13-amd64",
  files: { "/dev/kvm": "" },
  qemu: linuxQemu,
};
const mac: Facts = {
  platform: "darwin",
  processArchitecture: "arm64",
  release: "25.1.0",
  commands: { "sysctl -n kern.hv_support": "1\n" },
  qemu: macQemu,
};
const registryCommand = "reg query HKLM\\SYSTEM\\CurrentControlSet\\Control\\Session Manager\\Environment /v PROCESSOR_ARCHITECTURE";
const windowsLibrary = "C:\\Windows\\System32\\WinHvPlatform.dll";
const windows: Facts = {
  platform: "win32",
  processArchitecture: "x64",
  release: "10.0.26100",
  env: { SystemRoot: "C:\\Windows" },
  commands: { [registryCommand]: "    PROCESSOR_ARCHITECTURE    REG_SZ    AMD64\r\n" },
  files: { [windowsLibrary]: "" },
  qemu: windowsQemu,
};
const windowsArmQemu: FakeQemu = {
  ...windowsQemu,
  programs: windowsArmPrograms,
  probes: { whpx: loop("aarch64", 15), "tcg,thread=multi": loop("aarch64", 190) },
};

const internalError = `KVM internal error. Suberror: 1
extra data[0]: 0x0000000000000001
extra data[1]: 0x48f0000000000201
emulation failure
RAX=0000000000000007 RBX=0000000000000001 RCX=0000000000000002 RDX=0000000000000009
`;

const hvfDenied =
  "qemu-system-aarch64: -accel hvf: Error: ret = HV_DENIED (0xfae94007, at ../accel/hvf/hvf-all.c:267)\nqemu-system-aarch64: Could not access HVF. Is the executable signed with com.apple.security.hypervisor entitlement?\n";

export const cases: Readonly<Record<string, Case>> = {
  "linux-kvm-works": { story: "A Linux laptop whose user is in the group kvm.", facts: linux },
  "linux-kvm-denied": {
    story: "/dev/kvm belongs to the group kvm, and the user is not in it.",
    facts: { ...linux, files: { "/dev/kvm": { denied: true }, "/etc/group": "root:x:0:\nkvm:x:104:grace\n" } },
  },
  "linux-kvm-joined-but-not-logged-in-again": {
    story: "The user has joined the group kvm, but this session is older.",
    facts: { ...linux, files: { "/dev/kvm": { denied: true }, "/etc/group": "root:x:0:\nkvm:x:104:grace,ada\n" } },
  },
  "linux-kvm-module-not-loaded": {
    story: "There is no /dev/kvm, and the processor has VT-x.",
    facts: { ...linux, files: { "/proc/cpuinfo": "flags\t\t: fpu vme msr vmx sse2\n" } },
  },
  "linux-kvm-off-in-firmware": {
    story: "There is no /dev/kvm, and the processor shows no virtualisation.",
    facts: { ...linux, files: { "/proc/cpuinfo": "flags\t\t: fpu vme msr sse2\n" } },
  },
  "linux-in-a-machine-without-nesting": {
    story: "There is no /dev/kvm: this Linux is itself a guest.",
    facts: { ...linux, files: { "/proc/cpuinfo": "flags\t\t: fpu vme msr sse2 hypervisor\n" } },
  },
  "linux-in-a-container": { story: "A container that was not given /dev/kvm.", facts: { ...linux, files: { "/.dockerenv": "" } } },
  "linux-wsl": {
    story: "WSL 2 without nested virtualisation.",
    facts: { ...linux, release: "6.6.87.2-microsoft-standard-WSL2", files: {} },
  },
  "linux-nested-trap": {
    story: "/dev/kvm opens and firmware runs, but the hypervisor below interprets guests and does not know cmpxchg16b.",
    facts: {
      ...linux,
      qemu: {
        ...linuxQemu,
        probes: { ...linuxQemu.probes, kvm: { writes: [["12", 60]], stderr: internalError, exit: "hang" } },
      },
    },
  },
  "linux-nested-crawls": {
    story: "/dev/kvm runs everything, a hundred times slower than emulation.",
    facts: {
      ...linux,
      qemu: { ...linuxQemu, probes: { ...linuxQemu.probes, kvm: { writes: [["1234567L", 400]], exit: "hang" } } },
    },
  },
  "linux-nested-slower-than-emulation": {
    story: "/dev/kvm runs everything, a little slower than emulation.",
    facts: { ...linux, qemu: { ...linuxQemu, probes: { ...linuxQemu.probes, kvm: loop("x86_64", 420) } } },
  },
  "linux-kvm-held-by-another-hypervisor": {
    story: "VirtualBox is running machines with the processor's virtualisation.",
    facts: {
      ...linux,
      qemu: {
        ...linuxQemu,
        probes: {
          ...linuxQemu.probes,
          kvm: { stderr: "qemu-system-x86_64: -accel kvm: failed to initialize kvm: Device or resource busy\n", exit: 1 },
        },
      },
    },
  },
  "linux-kvm-fails-for-an-unknown-reason": {
    story: "QEMU refuses KVM with words that nobody has explained yet.",
    facts: {
      ...linux,
      qemu: {
        ...linuxQemu,
        probes: { ...linuxQemu.probes, kvm: { stderr: "qemu-system-x86_64: kvm_init_vcpu failed: Function not implemented\n", exit: 1 } },
      },
    },
  },
  "linux-qemu-without-kvm": {
    story: "A QEMU that was built for emulation alone.",
    facts: { ...linux, qemu: { ...linuxQemu, accelerators: ["tcg"] } },
  },
  "linux-arm-kvm-works": {
    story: "An arm64 Linux server.",
    facts: {
      ...linux,
      processArchitecture: "arm64",
      qemu: {
        ...linuxQemu,
        programs: { "qemu-system-aarch64": "/usr/bin/qemu-system-aarch64", "qemu-img": "/usr/bin/qemu-img" },
        probes: { kvm: loop("aarch64", 14), "tcg,thread=multi": loop("aarch64", 240) },
      },
    },
  },
  "linux-no-qemu": { story: "No QEMU anywhere.", facts: { platform: "linux", processArchitecture: "x64", release: "6.12.48" } },
  "linux-qemu-too-old": {
    story: "PATH has the QEMU of Debian 11.",
    facts: { ...linux, qemu: { ...linuxQemu, version: "5.2.0 (Debian 1:5.2+dfsg-11+deb11u3)" } },
  },
  "linux-qemu-old-but-good": {
    story: "PATH has the QEMU of Debian 12, which cannot save memory to a file.",
    facts: { ...linux, qemu: { ...linuxQemu, version: "7.2.22 (Debian 1:7.2+dfsg-7+deb12u18)" } },
  },
  "linux-qemu-crashes": {
    story: "PATH has a QEMU whose libraries are gone.",
    facts: {
      ...linux,
      qemu: {
        ...linuxQemu,
        version: {
          exit: 127,
          stderr: "/usr/bin/qemu-system-x86_64: error while loading shared libraries: libslirp.so.0: cannot open shared object file\n",
        },
      },
    },
  },
  "macos-hvf-works": { story: "An M2 MacBook with Homebrew's QEMU, which is signed.", facts: mac },
  "macos-hvf-unsigned": {
    story: "A QEMU that someone built and did not sign.",
    facts: { ...mac, qemu: { ...macQemu, probes: { ...macQemu.probes, hvf: { stderr: hvfDenied, exit: 1 } } } },
  },
  "macos-rosetta": {
    story: "The editor is the x64 one, translated on an M2.",
    facts: {
      ...mac,
      processArchitecture: "x64",
      commands: { ...mac.commands, "sysctl -n sysctl.proc_translated": "1\n" },
    },
  },
  "macos-in-a-machine": {
    story: "macOS as a guest, without nested virtualisation.",
    facts: { ...mac, commands: { "sysctl -n kern.hv_support": "0\n" } },
  },
  "macos-intel-hvf-works": {
    story: "An Intel Mac.",
    facts: {
      ...mac,
      processArchitecture: "x64",
      qemu: { ...macQemu, probes: { hvf: loop("x86_64", 20), "tcg,thread=multi": loop("x86_64", 230) } },
    },
  },
  "macos-no-qemu": { story: "No QEMU anywhere.", facts: { platform: "darwin", processArchitecture: "arm64", release: "25.1.0" } },
  "windows-whpx-works": { story: "Windows 11 with the Windows Hypervisor Platform on and QEMU 11.", facts: windows },
  "windows-whpx-qemu-10": {
    story: "The same with QEMU 10, where WHPX works with QEMU's own interrupt controller alone.",
    facts: {
      ...windows,
      qemu: {
        ...windowsQemu,
        version: "10.0.3 (v10.0.3-12066)",
        probes: { "whpx,kernel-irqchip=off": loop("x86_64", 31), "tcg,thread=multi": loop("x86_64", 260) },
      },
    },
  },
  "windows-whpx-first-way-fails": {
    story: "QEMU 11 on an AMD PC where the first way of asking dies and the second works.",
    facts: {
      ...windows,
      qemu: {
        ...windowsQemu,
        probes: {
          whpx: { writes: [["12", 60]], stderr: "qemu-system-x86_64: WHPX: Unexpected VP exit code 4\n", exit: "hang" },
          "whpx,kernel-irqchip=off": loop("x86_64", 33),
          "tcg,thread=multi": loop("x86_64", 260),
        },
      },
    },
  },
  "windows-feature-off": { story: "The Windows Hypervisor Platform is off.", facts: { ...windows, files: {} } },
  "windows-feature-off-library-there": {
    story: "The library is there, and the hypervisor does not answer.",
    facts: {
      ...windows,
      qemu: {
        ...windowsQemu,
        probes: {
          ...windowsQemu.probes,
          whpx: { stderr: "qemu-system-x86_64.exe: -accel whpx: WHPX: No accelerator found, hr=00000000\n", exit: 1 },
          "whpx,kernel-irqchip=off": { stderr: "qemu-system-x86_64.exe: -accel whpx: WHPX: No accelerator found, hr=00000000\n", exit: 1 },
        },
      },
    },
  },
  "windows-arm64-works": {
    story: "Windows 11 24H2 on arm64.",
    facts: { ...windows, processArchitecture: "arm64", qemu: windowsArmQemu },
  },
  "windows-arm64-too-old": {
    story: "Windows 11 23H2 on arm64.",
    facts: { ...windows, processArchitecture: "arm64", release: "10.0.22631", qemu: windowsArmQemu },
  },
  "windows-x64-editor-on-arm64": {
    story: "The x64 editor, emulated on arm64 Windows.",
    facts: { ...windows, commands: { [registryCommand]: "    PROCESSOR_ARCHITECTURE    REG_SZ    ARM64\r\n" }, qemu: windowsArmQemu },
  },
  "windows-no-qemu": {
    story: "No QEMU anywhere.",
    facts: { platform: "win32", processArchitecture: "x64", release: "10.0.26100", commands: windows.commands ?? {} },
  },
};
