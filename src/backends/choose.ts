import { vivError } from "../model/index.ts";
import { backend } from "./accelerators.ts";
import type { AcceleratorName, AcceleratorReport, Architecture, Choice, HostReport, Variant } from "./types.ts";

export interface ChoiceOptions {
  /** The guest's. */
  readonly architecture: Architecture;
  readonly accelerator: AcceleratorName | "auto";
  /** The machine's own `-cpu`; default: the accelerator's fullest. */
  readonly cpuModel?: string | undefined;
}

/**
 * The accelerator of one machine: the fastest that works here for a guest of the host's architecture, TCG for any other,
 * or the one the user insists on.
 *
 * @throws VivError `host-cannot` when the user insists on one that does not run here, with what to do about it.
 */
export function chooseAccelerator(report: HostReport, options: ChoiceOptions): Choice {
  if (options.accelerator === "tcg") return choice("tcg", undefined, options, "Emulation was asked for.");
  if (options.architecture !== report.architecture) return foreign(report, options);
  if (options.accelerator !== "auto") return insisted(report, options, options.accelerator);
  const best = report.accelerators.find((one) => one.chosen);
  if (best && best.name !== "tcg") return choice(best.name, best.variant, options);
  const { reason, hint } = whyEmulated(report);
  return choice("tcg", undefined, options, reason, hint);
}

function foreign(report: HostReport, options: ChoiceOptions): Choice {
  const reason = `A guest for ${options.architecture} is emulated on this ${report.architecture} host.`;
  if (options.accelerator === "auto") return choice("tcg", undefined, options, reason);
  throw vivError(
    "host-cannot",
    `${backend(options.accelerator).title} cannot run a guest for ${options.architecture} on this ${report.architecture} host.`,
    "Set the machine's accelerator to auto or tcg.",
  );
}

function insisted(report: HostReport, options: ChoiceOptions, name: AcceleratorName): Choice {
  const found = report.accelerators.find((one) => one.name === name);
  if (found?.works || found?.variant) return choice(name, found.variant, options);
  const why = found?.reason ?? `${backend(name).title} does not exist on ${platformTitles[report.platform]}.`;
  const hint =
    found?.hint === undefined ? "Set the machine's accelerator to auto." : `${found.hint} Or set the machine's accelerator to auto.`;
  throw vivError("host-cannot", `${backend(name).title} does not run machines here. ${why}`, hint);
}

const platformTitles = { linux: "Linux", darwin: "macOS", win32: "Windows" } as const;

/** The reason and hint of the hardware accelerator that comes nearest to working. */
function whyEmulated(report: HostReport): Pick<AcceleratorReport, "reason" | "hint"> {
  const hardware = report.accelerators.filter((one) => one.name !== "tcg");
  const nearest = hardware.find((one) => one.permitted && one.builtIn) ?? hardware.find((one) => one.builtIn) ?? hardware[0];
  return {
    ...(nearest?.reason === undefined ? {} : { reason: `${nearest.title}: ${nearest.reason}` }),
    ...(nearest?.hint === undefined ? {} : { hint: nearest.hint }),
  };
}

function choice(name: AcceleratorName, proven: Variant | undefined, options: ChoiceOptions, reason?: string, hint?: string): Choice {
  const { architecture, cpuModel } = options;
  const chosen = backend(name);
  const variant = proven ?? chosen.variants(architecture, "")[0] ?? { accel: name, cpu: "max" };
  const args = chosen.arguments({ architecture, variant, ...(cpuModel === undefined ? {} : { cpuModel }) });
  return {
    name,
    variant,
    arguments: args,
    ...(reason === undefined ? {} : { reason }),
    ...(hint === undefined ? {} : { hint }),
  };
}
