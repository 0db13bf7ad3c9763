import { statfs } from "node:fs/promises";
import type { HostReport } from "../api/index.ts";
import { localHost, processor } from "../backends/index.ts";
import { errorReport } from "../model/index.ts";
import type { World } from "./world.ts";

/** The report of backends/ in the API's words; without a QEMU it says why, and the rest is still true. */
export async function hostReportView(world: World, fresh: boolean): Promise<HostReport> {
  const disk = await statfs(world.home.folder);
  const base = {
    platform: process.platform,
    architecture: (await processor(localHost())).architecture,
    cores: world.cores,
    memoryBytes: world.memoryBytes,
    home: world.home.folder,
    freeBytes: disk.bavail * disk.bsize,
  };
  try {
    const report = await world.toolchains.report(fresh);
    const { toolchain, accelerators, features } = report;
    return {
      ...base,
      qemu: { version: toolchain.version, source: toolchain.source, path: toolchain.root ?? "" },
      qemuProblem: null,
      accelerators: accelerators.map((one) => ({
        name: one.name,
        title: one.title,
        builtIn: one.builtIn,
        permitted: one.permitted,
        works: one.works,
        chosen: one.chosen,
        loopMs: one.score ?? null,
        relativeSpeed: one.speed ?? null,
        reason: one.reason ?? "",
        ...(one.hint === undefined ? {} : { hint: one.hint }),
      })),
      features: features.map((one) => ({
        name: one.name,
        title: one.title,
        available: one.available,
        reason: one.reason ?? "",
        instead: one.instead ?? "",
      })),
      probeMs: report.probeMs,
    };
  } catch (error) {
    return { ...base, qemu: null, qemuProblem: errorReport(error), accelerators: [], features: [], probeMs: 0 };
  }
}
