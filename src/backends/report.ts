import { createHash } from "node:crypto";
import { join } from "node:path";
import { backends, builtInAccelerators } from "./accelerators.ts";
import { processor } from "./architecture.ts";
import { features } from "./features.ts";
import type { Host } from "./host.ts";
import { payload, payloadFile } from "./payload.ts";
import { type ProbeOptions, probe } from "./probe.ts";
import { type Probed, readProbeCache, writeProbeCache } from "./probe-cache.ts";
import type {
  AcceleratorReport,
  Architecture,
  Backend,
  HostReport,
  ProbeResult,
  Program,
  ProgramName,
  Toolchain,
  Verdict,
} from "./types.ts";

export interface ReportOptions {
  readonly host: Host;
  readonly toolchain: Toolchain;
  /** Vivarium's home: the cache is `<home>/cache/probe.json`. */
  readonly home: string;
  /** Probe again although the cache knows. */
  readonly refresh?: boolean;
  readonly signal?: AbortSignal;
}

/**
 * Everything together, start to verdict, stays below three seconds; what is left over is QEMU's exit and our own work.
 * An accelerator that needs more than its share is slower than emulation, or the host too busy to tell.
 */
const budgetsMs = { accelerator: 1_300, together: 2_700 };

const programNames: readonly ProgramName[] = [
  "qemu-system-x86_64",
  "qemu-system-aarch64",
  "qemu-img",
  "qemu-storage-daemon",
  "swtpm",
  "virtiofsd",
  "node",
];

/** What one look at an accelerator, without running it, says. */
interface Candidate {
  readonly backend: Backend;
  readonly verdict: Verdict;
}

/**
 * What this host offers: `viv doctor` prints it, `chooseAccelerator` reads it. The first time in a boot it probes
 * (at most 3 s, about half a second where things work); then it answers from the cache.
 *
 * @throws VivError `cancelled`, and what `Toolchain.emulator` throws.
 */
export async function hostReport(options: ReportOptions): Promise<HostReport> {
  const { host, toolchain } = options;
  const { architecture, translated } = await processor(host);
  const emulator = await toolchain.emulator(architecture);
  const candidates = await lookAtAll(host, architecture);
  const { probed, probeMs } = await knownOrProbed(options, architecture, emulator, candidates);
  const accelerators = judge(candidates, probed);
  const chosen = accelerators.find((one) => one.chosen)?.name ?? "tcg";
  return {
    platform: host.platform,
    architecture,
    ...(translated === undefined ? {} : { translated }),
    cores: host.cores,
    memoryBytes: host.memoryBytes,
    toolchain: {
      source: toolchain.source,
      version: toolchain.version,
      ...(toolchain.root === undefined ? {} : { root: toolchain.root }),
      id: toolchain.id,
      programs: programNames.filter((name) => toolchain.has(name)),
    },
    accelerators,
    chosen,
    features: features({
      platform: host.platform,
      architecture,
      accelerator: chosen,
      qemuVersion: toolchain.version,
      has: (name) => toolchain.has(name),
    }),
    probeMs,
  };
}

function lookAtAll(host: Host, architecture: Architecture): Promise<readonly Candidate[]> {
  const here = backends.filter((backend) => backend.platforms.includes(host.platform));
  return Promise.all(here.map(async (backend) => ({ backend, verdict: await backend.permitted(host, architecture) })));
}

/** From the cache or by running. What the host permits is part of the key: joining the group kvm asks for a new probe. */
async function knownOrProbed(
  options: ReportOptions,
  architecture: Architecture,
  emulator: Program,
  candidates: readonly Candidate[],
): Promise<{ probed: Probed; probeMs: number }> {
  const { host, toolchain, home } = options;
  const permitted = candidates.filter(({ verdict }) => verdict.ok).map(({ backend }) => backend);
  const guest = createHash("sha256").update(payload(architecture)).digest("hex").slice(0, 8);
  const key = [toolchain.id, await host.bootId(), architecture, guest, permitted.map(({ name }) => name).join("+")].join(" ");
  const cacheFile = join(home, "cache", "probe.json");
  const known = options.refresh ? undefined : await readProbeCache(cacheFile, key);
  if (known) return { probed: known, probeMs: 0 };

  const startedAt = performance.now();
  const builtIn = await builtInAccelerators(host, emulator);
  const probeOptions: Omit<ProbeOptions, "budgetMs"> = {
    host,
    emulator,
    dataDirectories: toolchain.dataDirectories,
    qemuVersion: toolchain.version,
    architecture,
    payloadPath: await payloadFile(join(home, "cache"), architecture),
    ...(options.signal ? { signal: options.signal } : {}),
  };
  const results: Record<string, ProbeResult> = {};
  // One after the other: side by side they would measure each other.
  for (const backend of permitted.filter(({ name }) => builtIn.includes(name))) {
    const leftMs = budgetsMs.together - (performance.now() - startedAt);
    const budgetMs = backend.name === "tcg" ? leftMs : Math.min(leftMs, budgetsMs.accelerator);
    results[backend.name] = await probe(backend, { ...probeOptions, budgetMs });
  }
  const probed = { builtIn, results };
  // Where even emulation did not end, the host was too busy for a verdict that holds until the next boot.
  if (results.tcg?.outcome === "works") await writeProbeCache(cacheFile, key, probed);
  return { probed, probeMs: Math.round(performance.now() - startedAt) };
}

/** Pure: from what was seen and measured to one line each, exactly one of them chosen. */
function judge(candidates: readonly Candidate[], { builtIn, results }: Probed): readonly AcceleratorReport[] {
  const emulationMs = results.tcg?.outcome === "works" ? results.tcg.loopMs : undefined;
  const lines = candidates.map(({ backend, verdict }) => {
    const base = { name: backend.name, title: backend.title, builtIn: builtIn.includes(backend.name), permitted: verdict.ok };
    return { ...base, ...finding(base, verdict, results[backend.name], emulationMs) };
  });
  const working = lines.filter((one) => one.works).sort((a, b) => (a.score ?? Infinity) - (b.score ?? Infinity));
  const chosen = working[0]?.name ?? "tcg";
  return lines.map((one) => ({ ...one, chosen: one.name === chosen }));
}

type Finding = Pick<AcceleratorReport, "works" | "score" | "speed" | "variant" | "reason" | "hint">;

function finding(
  { name, title, builtIn }: Pick<AcceleratorReport, "name" | "title" | "builtIn">,
  verdict: Verdict,
  result: ProbeResult | undefined,
  emulationMs: number | undefined,
): Finding {
  if (!builtIn) return { works: false, reason: `This QEMU was built without ${title}.`, hint: ownQemuHint };
  if (!verdict.ok) return { works: false, reason: verdict.reason, ...(verdict.hint === undefined ? {} : { hint: verdict.hint }) };
  if (result === undefined) return { works: false, reason: "It was not tried." };
  if (result.outcome !== "works") {
    if (result.outcome === "slow" && name === "tcg") return { works: true, reason: result.reason }; // a busy host
    const hint = result.hint ?? (result.outcome === "slow" ? nestedHint : undefined);
    return { works: false, reason: result.reason, ...(hint === undefined ? {} : { hint }) };
  }
  const score = Math.round(result.loopMs * 10) / 10;
  const speed = emulationMs === undefined ? undefined : Math.round((emulationMs / result.loopMs) * 100) / 100;
  const measured = { score, variant: result.variant, ...(speed === undefined ? {} : { speed }) };
  if (name !== "tcg" && speed !== undefined && speed <= 1) {
    return { ...measured, works: false, reason: `It runs, but no faster than emulation (${speed} × TCG).`, hint: nestedHint };
  }
  return { ...measured, works: true };
}

const ownQemuHint = "Use Vivarium's own QEMU: remove the setting vivarium.qemuPath.";
const nestedHint = "Turn on nested virtualisation in the hypervisor that runs this computer, or use a host with its own processor.";
