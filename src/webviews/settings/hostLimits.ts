import type { HostReport } from "../../api/index.ts";
import { type Definition, humanBytes, parseBytes } from "../../model/index.ts";
import { l10n } from "../ui/l10n.ts";
import { valueAt } from "./paths.ts";

/** What this host sets against a definition: limits of values, and what does not exist here. */

/** The engine refuses to start a machine with more (machine/launch). */
const processorsPerCore = 4;

export interface HostProblem {
  readonly path: string;
  readonly message: string;
}

/** Values with which the machine would not start here. */
export function hostProblems(values: unknown, host: HostReport | undefined): HostProblem[] {
  if (!host) return [];
  const problems: HostProblem[] = [];
  const memory = memoryOf(values);
  if (memory !== undefined && memory > host.memoryBytes) {
    problems.push({ path: "memory", message: l10n.t("This host has {0} of memory.", humanBytes(host.memoryBytes)) });
  }
  const cpus = valueAt(values, "cpus");
  if (typeof cpus === "number" && cpus > host.cores * processorsPerCore) {
    problems.push({
      path: "cpus",
      message: l10n.t("This host has {0} cores and runs at most {1} processors.", host.cores, host.cores * processorsPerCore),
    });
  }
  return problems;
}

/** Values that work here, and not well. */
export function hostWarnings(values: unknown, host: HostReport | undefined): HostProblem[] {
  if (!host || hostProblems(values, host).length > 0) return [];
  const warnings: HostProblem[] = [];
  const memory = memoryOf(values);
  if (memory !== undefined && memory > host.memoryBytes * 0.75) {
    warnings.push({ path: "memory", message: l10n.t("More than three quarters of this host's {0}.", humanBytes(host.memoryBytes)) });
  }
  const cpus = valueAt(values, "cpus");
  if (typeof cpus === "number" && cpus > host.cores) {
    warnings.push({ path: "cpus", message: l10n.t("More than this host's {0} cores: they take turns.", host.cores) });
  }
  return warnings;
}

function memoryOf(values: unknown): number | undefined {
  const memory = valueAt(values, "memory");
  return typeof memory === "string" ? parseBytes(memory) : undefined;
}

/** Why a feature of the report does not exist on this host; undefined when it does, or nobody has asked the host yet. */
export function missingFeature(name: string, host: HostReport | undefined): string | undefined {
  const feature = host?.features.find((one) => one.name === name);
  if (!feature || feature.available) return undefined;
  return [feature.reason, feature.instead].filter((part) => part !== "").join(" ");
}

/** Choices of a field that this host does not have, with the reason; empty: it belongs to another operating system. */
export function missingChoices(
  path: string,
  definition: Pick<Definition, "architecture"> | undefined,
  host: HostReport | undefined,
): Record<string, string> {
  if (!host || host.qemuProblem) return {};
  if (path === "accelerator") return missingAccelerators(definition, host);
  if (path !== "firmware.type") return {};
  const reasons: Record<string, string> = {};
  if (definition?.architecture === "aarch64") reasons["bios"] = l10n.t("BIOS does not exist on aarch64.");
  const secure = missingFeature("smm-secure-boot", host);
  if (secure !== undefined && missingFeature("uefi-vars-secure-boot", host) !== undefined) reasons["uefi-secure"] = secure;
  return reasons;
}

function missingAccelerators(definition: Pick<Definition, "architecture"> | undefined, host: HostReport): Record<string, string> {
  const reasons: Record<string, string> = {};
  const foreign = definition !== undefined && definition.architecture !== host.architecture;
  for (const name of ["kvm", "hvf", "whpx"]) {
    const found = host.accelerators.find((one) => one.name === name);
    if (!found) reasons[name] = "";
    else if (!found.works) reasons[name] = found.reason || l10n.t("{0} does not work here.", found.title);
    else if (foreign) reasons[name] = l10n.t("A guest for {0} is always emulated on this host.", definition.architecture);
  }
  return reasons;
}
