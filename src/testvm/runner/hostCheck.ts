import type { HostReport } from "../../api/index.ts";
import { humanBytes, parseBytes } from "../../model/index.ts";
import type { Plan } from "../file/index.ts";

export interface PlanProblem {
  /** In the file. */
  readonly path: readonly string[];
  readonly message: string;
}

/** What of a plan this computer cannot do. Pure. */
export function hostProblems(plan: Pick<Plan, "hostRequirements" | "memory" | "cpus" | "architecture">, host: HostReport): PlanProblem[] {
  const problems: PlanProblem[] = [];
  const { cpus, memory, storage, accelerated } = plan.hostRequirements;
  const needs = (name: string, message: string) => problems.push({ path: ["hostRequirements", name], message });
  if (cpus !== undefined && host.cores < cpus) needs("cpus", `needs ${cpus} cores; this computer has ${host.cores}`);
  if (memory !== undefined && host.memoryBytes < bytes(memory))
    needs("memory", `needs ${memory} of memory; this computer has ${humanBytes(host.memoryBytes)}`);
  if (storage !== undefined && host.freeBytes < bytes(storage))
    needs("storage", `needs ${storage} of free space; ${host.home} has ${humanBytes(host.freeBytes)}`);
  if (accelerated) {
    const chosen = host.accelerators.find((one) => one.chosen);
    const foreign = plan.architecture !== undefined && plan.architecture !== architectureOf(host);
    if (foreign) needs("accelerated", `${plan.architecture} is emulated on this computer, which is ${architectureOf(host)}`);
    else if (!chosen || chosen.name === "tcg")
      needs(
        "accelerated",
        `machines are emulated on this computer: ${host.accelerators.find(({ name }) => name !== "tcg")?.reason ?? "it has no accelerator"}`,
      );
  }
  if (plan.memory !== undefined && bytes(plan.memory) > host.memoryBytes)
    problems.push({ path: ["memory"], message: `${plan.memory} is more than this computer has (${humanBytes(host.memoryBytes)})` });
  return problems;
}

function bytes(size: string): number {
  return parseBytes(size) ?? 0;
}

function architectureOf(host: HostReport): string {
  return /arm64|aarch64/.test(host.architecture) ? "aarch64" : "x86_64";
}
