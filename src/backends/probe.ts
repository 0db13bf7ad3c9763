import { vivError } from "../model/index.ts";
import type { Host, RunResult } from "./host.ts";
import { stepReached } from "./payload.ts";
import type { Architecture, Backend, ProbeResult, Program, Variant } from "./types.ts";

export interface ProbeOptions {
  readonly host: Host;
  readonly emulator: Program;
  /** Absolute `-L` folders. */
  readonly dataDirectories: readonly string[];
  readonly qemuVersion: string;
  readonly architecture: Architecture;
  /** From `payloadFile`. */
  readonly payloadPath: string;
  /** All variants of the backend together may take this long. */
  readonly budgetMs: number;
  readonly signal?: AbortSignal;
}

/** What QEMU exits with when the guest has left: by isa-debug-exit with 0x2a, or by PSCI SYSTEM_OFF. */
const goodExit: Record<Architecture, number> = { x86_64: (0x2a << 1) | 1, aarch64: 0 };

/** Complaints after which the guest will never move again; QEMU itself stays, in run state `internal-error`. */
const fatal = /KVM internal error|emulation failure|Unexpected VP exit|Failed to (?:emulate|exec)|hv_vcpu_run|HV_ERROR/;

/**
 * Runs the probe's guest under one accelerator: does it live through what a stock kernel does, and how long does its
 * fixed loop take? Looking would not do: /dev/kvm may open on a host where stock kernels die (docs/traps.md §1).
 */
export async function probe(backend: Backend, options: ProbeOptions): Promise<ProbeResult> {
  const variants = backend.variants(options.architecture, options.qemuVersion);
  const endsAt = performance.now() + options.budgetMs;
  let last: ProbeResult = { outcome: "fails", reason: `${backend.title} knows no way to run ${options.architecture}.` };
  for (const [at, variant] of variants.entries()) {
    const left = endsAt - performance.now();
    if (left < 50) break;
    last = await measured(backend, variant, { ...options, budgetMs: left / (variants.length - at) });
    if (last.outcome === "works") break;
  }
  return last;
}

/** Both ends of the loop seen at once: this process was too busy to look in between, and only the whole run bounds it. */
const blinked = Symbol("blinked");

/** Tries again, a few times, when this process did not see the loop begin. */
async function measured(backend: Backend, variant: Variant, options: ProbeOptions): Promise<ProbeResult> {
  const endsAt = performance.now() + options.budgetMs;
  let shortestMs = Number.POSITIVE_INFINITY;
  for (let tries = 0; tries < 3; tries += 1) {
    const run = await runGuest(backend, variant, { ...options, budgetMs: endsAt - performance.now() });
    if (!(blinked in run)) return Number.isFinite(shortestMs) && run.outcome !== "works" ? worked(shortestMs, variant) : run;
    shortestMs = Math.min(shortestMs, run[blinked]);
  }
  return worked(shortestMs, variant);
}

function worked(loopMs: number, variant: Variant): ProbeResult {
  return { outcome: "works", loopMs, variant };
}

async function runGuest(backend: Backend, variant: Variant, options: ProbeOptions): Promise<ProbeResult | { [blinked]: number }> {
  const { host, emulator, architecture } = options;
  let written = "";
  let complaints = "";
  let loopBeganMs: number | undefined;
  let loopEndedMs: number | undefined;
  const result = await host.run(emulator.file, [...emulator.argsPrefix, ...probeArguments(variant, options)], {
    timeoutMs: Math.max(50, Math.round(options.budgetMs)),
    env: emulator.env,
    ...(options.signal ? { signal: options.signal } : {}),
    watch: (stream, text, atMs) => {
      if (stream === "stdout") {
        written += text;
        if (text.includes("L")) loopBeganMs = atMs;
        if (text.includes("E")) loopEndedMs = atMs;
      } else complaints += text;
      return fatal.test(complaints);
    },
  });
  if (options.signal?.aborted) throw vivError("cancelled", "The probe was cancelled.");
  const step = stepReached(architecture, written);
  const ended = loopBeganMs !== undefined && loopEndedMs !== undefined;
  if (ended && result.ended === "exited" && result.exitCode === goodExit[architecture]) {
    const loopMs = (loopEndedMs ?? 0) - (loopBeganMs ?? 0);
    return loopMs > 0 ? worked(loopMs, variant) : { [blinked]: result.elapsedMs };
  }
  if (result.ended === "timeout" && loopBeganMs !== undefined && !ended) {
    const seconds = ((result.elapsedMs - loopBeganMs) / 1000).toFixed(1);
    return { outcome: "slow", step: "the timed loop", reason: `A test guest's loop had not ended after ${seconds} s.` };
  }
  return failure(backend, emulator, result, written, step);
}

function failure(backend: Backend, emulator: Program, result: RunResult, written: string, step: string | undefined): ProbeResult {
  const explanation = backend.explain(result.stderr, emulator);
  const where = step === undefined ? "before its first instruction" : `at ${step}`;
  const base = { outcome: "fails" as const, ...(step === undefined ? {} : { step }) };
  if (explanation) {
    const { hint } = explanation;
    return { ...base, reason: `A test guest stopped ${where}: ${explanation.reason}.`, ...(hint === undefined ? {} : { hint }) };
  }
  if (result.ended === "not-started") return { ...base, reason: `QEMU could not be started (${result.detail ?? "unknown reason"}).` };
  if (written.includes("X"))
    return { ...base, reason: `A test guest failed ${where}: it met an exception that no real processor raises there.` };
  if (result.ended === "timeout") return { ...base, reason: `A test guest hung ${where}.` };
  const said = lastLine(result.stderr);
  const how = result.exitCode === null ? `was ended by ${result.detail ?? "a signal"}` : `ended with code ${result.exitCode}`;
  return { ...base, reason: `A test guest stopped ${where}: QEMU ${how}${said === "" ? "." : `, saying “${said}”.`}` };
}

function lastLine(text: string): string {
  return text.trim().split(/\r?\n/).at(-1)?.slice(0, 300) ?? "";
}

/** The whole command of one probe; the guest talks through stdout. Pure. */
export function probeArguments(
  variant: Variant,
  options: Pick<ProbeOptions, "architecture" | "payloadPath" | "dataDirectories">,
): string[] {
  const common = [
    ...options.dataDirectories.flatMap((folder) => ["-L", folder]),
    ...["-accel", variant.accel, "-cpu", variant.cpu],
    ...["-nodefaults", "-no-user-config", "-display", "none", "-m", "32", "-no-reboot"],
    ...["-chardev", "stdio,id=probe,signal=off"],
  ];
  if (options.architecture === "aarch64") {
    return ["-M", "virt", ...common, "-serial", "chardev:probe", "-kernel", options.payloadPath];
  }
  return [
    ...["-M", "q35", ...common],
    ...["-device", "isa-debugcon,iobase=0xe9,chardev=probe", "-device", "isa-debug-exit,iobase=0xf4,iosize=4"],
    ...["-bios", options.payloadPath],
  ];
}
