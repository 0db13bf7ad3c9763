import type { Host } from "./host.ts";
import type { Architecture } from "./types.ts";

export interface Processor {
  readonly architecture: Architecture;
  /** In words, when this process runs in translation. */
  readonly translated?: string;
}

/**
 * The processor's own architecture. An x64 Node (or editor) may run translated on arm64: Rosetta says so in
 * `sysctl.proc_translated`; Windows keeps the truth in the registry, not in the process's environment
 * (docs/traps.md §1).
 */
export async function processor(host: Host): Promise<Processor> {
  if (host.processArchitecture === "arm64") return { architecture: "aarch64" };
  if (host.platform === "darwin") {
    const { stdout } = await host.run("sysctl", ["-n", "sysctl.proc_translated"], { timeoutMs: 2_000 });
    if (stdout.trim() === "1") return { architecture: "aarch64", translated: "This process is x64 and runs under Rosetta." };
  }
  if (host.platform === "win32") {
    const { stdout } = await host.run("reg", ["query", environmentKey, "/v", "PROCESSOR_ARCHITECTURE"], { timeoutMs: 2_000 });
    if (/\bARM64\b/.test(stdout)) return { architecture: "aarch64", translated: "This process is x64 and runs emulated on arm64." };
  }
  return { architecture: "x86_64" };
}

const environmentKey = "HKLM\\SYSTEM\\CurrentControlSet\\Control\\Session Manager\\Environment";
