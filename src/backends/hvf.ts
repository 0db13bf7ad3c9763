import { hardwareArguments } from "./hardware-arguments.ts";
import type { Host } from "./host.ts";
import type { Architecture, Backend, Explanation, Program, Verdict } from "./types.ts";

const variants = [{ accel: "hvf", cpu: "host" }] as const;

/** Apple's Hypervisor.framework. The emulator must be signed with the hypervisor entitlement (an ad-hoc signature serves). */
export const hvf: Backend = {
  name: "hvf",
  title: "Hypervisor.framework (HVF)",
  platforms: ["darwin"],
  permitted,
  variants: () => variants,
  explain,
  arguments: (options) => hardwareArguments(variants[0], options),
  lacking: [
    {
      feature: "smm-secure-boot",
      reason: "HVF has no system management mode; QEMU refuses `smm=on` with it.",
    },
  ],
};

async function permitted(host: Host, processor: Architecture): Promise<Verdict> {
  const { stdout } = await host.run("sysctl", ["-n", "kern.hv_support"], { timeoutMs: 2_000 });
  if (stdout.trim() === "1") return { ok: true };
  return {
    ok: false,
    reason: "This Mac offers no Hypervisor.framework (kern.hv_support is not 1).",
    hint:
      processor === "aarch64"
        ? "Is this macOS itself a virtual machine? Nested virtualisation needs an M3 or newer and macOS 15 on the host."
        : "It needs an Intel processor with VT-x and EPT, and a macOS that is not itself a virtual machine.",
  };
}

function explain(stderr: string, emulator: Program): Explanation | undefined {
  if (/com\.apple\.security\.hypervisor|HV_DENIED|0xfae94007/.test(stderr)) {
    return {
      reason: "macOS does not let this QEMU use it: the program is not signed with the hypervisor entitlement",
      hint: `Sign it: \`${signCommand(emulator.file)}\``,
    };
  }
  if (/HV_UNSUPPORTED|0xfae9400f/.test(stderr)) return { reason: "Hypervisor.framework says this Mac does not support it" };
  if (/HV_NO_RESOURCES|HV_BUSY/.test(stderr)) {
    return { reason: "Hypervisor.framework is out of resources", hint: "Stop other virtual machines and try again." };
  }
  return undefined;
}

/** QEMU's scripts/entitlement.sh in one line; `cs.allow-jit` keeps TCG working where the runtime is hardened. */
function signCommand(file: string): string {
  const keys = ["com.apple.security.hypervisor", "com.apple.security.cs.allow-jit"].map((key) => `<key>${key}</key><true/>`).join("");
  return `echo '<plist version="1.0"><dict>${keys}</dict></plist>' > /tmp/vivarium.entitlements && codesign -s - --force --entitlements /tmp/vivarium.entitlements '${file}'`;
}
