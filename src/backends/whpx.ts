import { hardwareArguments } from "./hardware-arguments.ts";
import type { Host } from "./host.ts";
import type { Architecture, Backend, Explanation, Variant, Verdict } from "./types.ts";
import { versionAtLeast } from "./version.ts";

const modern: Variant = { accel: "whpx", cpu: "host" };
/** Before QEMU 11 there is no `-cpu host` here, `-cpu max` hangs or crashes guests, and the in-kernel interrupt controller loses MSIs. */
const careful: Variant = { accel: "whpx,kernel-irqchip=off", cpu: "qemu64" };
const plain: Variant = { accel: "whpx", cpu: "qemu64" };
/** Arm takes the in-kernel interrupt controller alone (`kernel-irqchip=off` is refused). */
const armFullest: Variant = { accel: "whpx", cpu: "max" };

const enableCommand = "DISM /online /Enable-Feature /FeatureName:HypervisorPlatform /All";
const enableHint = `Run \`${enableCommand}\` as administrator and restart Windows.`;

/** Windows Hypervisor Platform. */
export const whpx: Backend = {
  name: "whpx",
  title: "Windows Hypervisor Platform (WHPX)",
  platforms: ["win32"],
  permitted,
  variants,
  explain,
  arguments: (options) => hardwareArguments(options.architecture === "aarch64" ? modern : careful, options),
  lacking: [
    {
      feature: "ram-snapshots",
      reason:
        "WHPX blocks migration for good in QEMU, so a machine's memory cannot be saved. An emulated machine (accelerator tcg) can save its memory.",
    },
    {
      feature: "smm-secure-boot",
      reason: "WHPX has no system management mode; QEMU refuses `smm=on` with it.",
    },
  ],
};

/** Builds of QEMU and Windows differ in which one works; the probe keeps the first that does (docs/traps.md §1). */
function variants(architecture: Architecture, qemuVersion: string): readonly Variant[] {
  if (architecture === "aarch64") return [modern, armFullest];
  return versionAtLeast(qemuVersion, 11, 0) ? [modern, careful] : [careful, plain];
}

/** First builds with what QEMU needs: Windows 10 2004; on arm64 Windows 11 24H2 (docs/system/whpx). */
const firstBuild: Record<Architecture, { build: number; name: string }> = {
  x86_64: { build: 19041, name: "Windows 10 version 2004" },
  aarch64: { build: 26100, name: "Windows 11 24H2 with the updates of May 2025" },
};

async function permitted(host: Host, processor: Architecture): Promise<Verdict> {
  const build = Number(host.release.split(".")[2] ?? 0);
  const first = firstBuild[processor];
  if (build < first.build) {
    return {
      ok: false,
      reason: `This Windows (build ${build}) is too old for it: ${first.name} (build ${first.build}) is the first that serves QEMU.`,
      hint: "Update Windows.",
    };
  }
  const library = `${host.env.SystemRoot ?? "C:\\Windows"}\\System32\\WinHvPlatform.dll`;
  if ((await host.stat(library)) === undefined) {
    return { ok: false, reason: "The Windows feature “Windows Hypervisor Platform” is off.", hint: enableHint };
  }
  return { ok: true };
}

function explain(stderr: string): Explanation | undefined {
  if (/WHPX: No accelerator found|Could not load library WinHvPlatform\.dll/i.test(stderr)) {
    return {
      reason: "the Windows feature “Windows Hypervisor Platform” is off, or virtualisation is off in the firmware",
      hint: `${enableHint} If it is on already, turn on virtualisation (VT-x, SVM) in the computer's firmware setup.`,
    };
  }
  const exit = /WHPX: Unexpected VP exit code (\d+)/.exec(stderr);
  if (exit) return { reason: `the hypervisor gave up on it (WHPX: unexpected VP exit code ${exit[1]})`, hint: "Update Windows, or QEMU." };
  if (/WHPX: Failed to (?:emulate|exec)/.test(stderr))
    return { reason: "the hypervisor gave up on it (WHPX could not emulate an instruction)" };
  return undefined;
}
