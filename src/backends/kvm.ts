import { hardwareArguments } from "./hardware-arguments.ts";
import type { Host } from "./host.ts";
import type { Architecture, Backend, Explanation, Verdict } from "./types.ts";

const variants = [{ accel: "kvm", cpu: "host" }] as const;

const nestedHint =
  "Turn on nested virtualisation in the hypervisor that runs this computer, or use a host with its own processor. Until then machines are emulated.";

/** Linux's own hypervisor. */
export const kvm: Backend = {
  name: "kvm",
  title: "KVM",
  platforms: ["linux"],
  permitted,
  variants: () => variants,
  explain,
  arguments: (options) => hardwareArguments(variants[0], options),
  lacking: [],
};

async function permitted(host: Host, processor: Architecture): Promise<Verdict> {
  switch (await host.access("/dev/kvm")) {
    case "ok":
      return { ok: true };
    case "denied":
      return denied(host);
    case "missing":
      return missing(host, processor);
  }
}

async function denied(host: Host): Promise<Verdict> {
  const members = /^kvm:[^:]*:[^:]*:(.*)$/m.exec((await host.read("/etc/group")) ?? "")?.[1]?.split(",") ?? [];
  if (members.includes(host.userName)) {
    return {
      ok: false,
      reason: `/dev/kvm may not be opened yet: ${host.userName} is in the group kvm, but this session began before that.`,
      hint: "Log out and in again (or restart the computer; over SSH, end the editor's server too).",
    };
  }
  return {
    ok: false,
    reason: "/dev/kvm exists, but this user may not open it.",
    hint: "Run `sudo usermod -aG kvm $USER`, then log out and in again.",
  };
}

async function missing(host: Host, processor: Architecture): Promise<Verdict> {
  const reason = "There is no /dev/kvm.";
  if (await host.stat("/.dockerenv")) {
    return { ok: false, reason: `${reason} This is a container.`, hint: "Start the container with `--device /dev/kvm`." };
  }
  if (/microsoft/i.test(host.release)) {
    return {
      ok: false,
      reason: `${reason} This is WSL without nested virtualisation.`,
      hint: "Put `nestedVirtualization=true` under `[wsl2]` in %USERPROFILE%\\.wslconfig, then run `wsl --shutdown` in Windows.",
    };
  }
  if (processor === "aarch64") {
    return { ok: false, reason, hint: "Arm Linux has it when the kernel was started at EL2: see `sudo dmesg | grep -i kvm`." };
  }
  const flags = /^flags\s*:(.*)$/m.exec((await host.read("/proc/cpuinfo")) ?? "")?.[1]?.split(" ") ?? [];
  if (flags.includes("vmx")) return { ok: false, reason: `${reason} Its module is not loaded.`, hint: "Run `sudo modprobe kvm_intel`." };
  if (flags.includes("svm")) return { ok: false, reason: `${reason} Its module is not loaded.`, hint: "Run `sudo modprobe kvm_amd`." };
  if (flags.includes("hypervisor")) {
    return { ok: false, reason: `${reason} This computer is itself a virtual machine, without nested virtualisation.`, hint: nestedHint };
  }
  return {
    ok: false,
    reason: `${reason} The processor shows neither VT-x (vmx) nor AMD-V (svm).`,
    hint: "Turn on “Intel Virtualization Technology” or “SVM mode” in the computer's firmware setup.",
  };
}

/** Linux's KVM_INTERNAL_ERROR_*. The first is what a hypervisor says that interprets its guest and met what it does not know. */
const suberrors: Readonly<Record<string, string>> = {
  "1": "emulation failure",
  "2": "simultaneous exceptions",
  "3": "exception while an event was delivered",
  "4": "unexpected exit",
};

function explain(stderr: string): Explanation | undefined {
  const internal = /KVM internal error\. Suberror: (\d+)/.exec(stderr);
  if (internal) {
    const what = suberrors[internal[1] ?? ""] ?? `suberror ${internal[1]}`;
    return { reason: `KVM gave up on it (KVM internal error: ${what})`, hint: nestedHint };
  }
  if (/Could not access KVM kernel module: Permission denied/.test(stderr)) {
    return { reason: "QEMU may not open /dev/kvm", hint: "Run `sudo usermod -aG kvm $USER`, then log out and in again." };
  }
  if (/failed to initialize kvm: Device or resource busy|ioctl\(KVM_CREATE_VM\) failed: 16/i.test(stderr)) {
    return {
      reason: "another hypervisor holds the processor's virtualisation",
      hint: "Stop the virtual machines of VirtualBox or VMware.",
    };
  }
  if (/KVM is not supported for this guest CPU type|KVM does not support/i.test(stderr))
    return { reason: "KVM cannot run this kind of processor" };
  return undefined;
}
