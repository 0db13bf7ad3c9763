import { starterMachine } from "../support/home.ts";
import { figure, type Measured, ratio } from "./figure.ts";
import { difference, pairwise, timed } from "./samples.ts";
import type { World } from "./world.ts";

const machine = "sleep";

/** What nobody promised a number for, and everybody feels. */
export async function measureOthers(world: World, runs: number): Promise<Measured> {
  const client = await world.client();
  const probe: number[] = [];
  for (let run = 0; run < runs; run += 1) probe.push((await client.call("host.report", { fresh: true })).probeMs);
  await starterMachine(client, machine, { start: true });
  const suspend: number[] = [];
  const wake: number[] = [];
  for (let run = 0; run < runs; run += 1) {
    suspend.push((await timed(() => client.call("machine.suspend", { machine }))).ms);
    wake.push((await timed(() => client.call("machine.start", { machine }))).ms);
    await client.call("machine.wait", { machine, for: "agent", timeoutMs: 30_000 });
  }
  await client.call("machine.kill", { machine });
  const small = await measurePrograms(world, runs);
  return {
    figures: [
      figure(
        "probe",
        "Verdict on the accelerators, nothing cached",
        probe,
        "the service's own clock: every accelerator of this host is run with the probe's guest",
        { limit: 3000 },
      ),
      figure(
        "suspend",
        "Suspend a running starter guest",
        suspend,
        "request to reply: memory saved and flushed to disk, process ended; 256 MiB",
      ),
      figure("wake", "Wake it", wake, "request to reply: the guest runs"),
      ...small.figures,
    ],
    ratios: small.ratios,
  };
}

/** Start-up of the command line. */
export async function measurePrograms(world: World, runs: number): Promise<Measured> {
  await world.client();
  const [version, list, node]: [number[], number[], number[]] = [[], [], []];
  for (let run = 0; run <= runs; run += 1) {
    const round = [await world.viv("version"), await world.viv("ls"), await world.node()] as const;
    // The first one fills the compile cache.
    if (run === 0) continue;
    version.push(round[0]);
    list.push(round[1]);
    node.push(round[2]);
  }
  return {
    figures: [
      figure("viv.version", "`viv version`", pairwise(version, node, difference), "spawn to exit, less `node -e 0` of the same round"),
      figure("viv.ls", "`viv ls`", pairwise(list, node, difference), "the same, with a vivd that runs"),
      figure("node", "`node -e 0`", node, "spawn to exit"),
    ],
    ratios: { "viv.version": ratio(version, node), "viv.ls": ratio(list, node) },
  };
}
