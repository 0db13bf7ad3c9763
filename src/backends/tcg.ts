import type { Architecture, Backend } from "./types.ts";

/** Emulation: everywhere, for every architecture; slow, and not a security boundary (QEMU docs/system/security.rst). */
export const tcg: Backend = {
  name: "tcg",
  title: "TCG (emulation)",
  platforms: ["linux", "darwin", "win32"],
  permitted: async () => ({ ok: true }),
  variants: (architecture) => [{ accel: "tcg,thread=multi", cpu: fullestModel(architecture) }],
  explain: () => undefined,
  arguments: ({ architecture, cpuModel, variant, translationCacheMiB = 128 }) => [
    "-accel",
    `${variant?.accel ?? "tcg,thread=multi"},tb-size=${translationCacheMiB}`,
    "-cpu",
    cpuModel ?? variant?.cpu ?? fullestModel(architecture),
  ],
  lacking: [
    {
      feature: "security-boundary",
      reason: "Machines are emulated (TCG); QEMU's developers do not regard emulation as a security boundary.",
    },
  ],
};

/** Arm's pointer authentication with the architected cipher costs emulation most of its time; the other one is as good for a guest. */
function fullestModel(architecture: Architecture): string {
  return architecture === "aarch64" ? "max,pauth-impdef=on" : "max";
}
