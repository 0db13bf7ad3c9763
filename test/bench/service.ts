import { readFile } from "node:fs/promises";
import type { VivClient } from "../../src/api/index.ts";
import { starterMachine } from "../support/home.ts";
import { figure, type Measured } from "./figure.ts";
import { sleep, timed, untilItWorks } from "./samples.ts";
import type { World } from "./world.ts";

const kilobyte = 1024;
const ticksPerSecond = 100;

/** vivd with machines that run and do nothing: what it costs, and how soon the next one has them after its death. */
export async function measureService(
  world: World,
  options: { running: number; idle: number; runs: number; idleSeconds: number; windows: number },
): Promise<Measured> {
  const client = await world.client();
  const names = Array.from({ length: options.running }, (_, index) => `idle-${index + 1}`);
  for (const name of names) await starterMachine(client, name, { memory: "192M" });
  for (const name of names) await untilItWorks(`The boot of ${name}`, () => booted(client, name));
  const adoption = await adoptions(world, names.length, options.runs);
  for (const name of names.slice(options.idle)) await (await world.client()).call("machine.kill", { machine: name });
  const costs = await idleCosts(world, options.idleSeconds, options.windows);
  return {
    figures: [
      figure(
        "adopt",
        `Adoption of ${options.running} running machines after kill -9 of vivd`,
        adoption,
        "no vivd: a new client's connect() starts dist/vivd.js, which hands over to the bundle's runtime; to the reply of a list in which all run and respond",
        { limit: 1000 },
      ),
      figure(
        "idle.cpu",
        `vivd with ${options.idle} running idle machines: processor`,
        costs.cpuPercent,
        `utime + stime of /proc/PID/stat over ${options.idleSeconds} s, one window a sample, of one processor; an open client`,
        { unit: "%", limit: 0.3 },
      ),
      figure(
        "idle.memory",
        `vivd with ${options.idle} running idle machines: memory`,
        costs.megabytes,
        "Private_Clean + Private_Dirty of smaps_rollup (MiB) after each window; dist/vivd.js on the bundle's runtime, after it has adopted them",
        { unit: "MB", limit: 80 },
      ),
    ],
    ratios: {},
  };
}

async function booted(client: VivClient, machine: string): Promise<void> {
  await client.call("machine.start", { machine });
  await client.call("machine.wait", { machine, for: "agent", timeoutMs: 120_000 });
}

async function adoptions(world: World, count: number, runs: number): Promise<number[]> {
  const samples: number[] = [];
  for (let run = 0; run < runs; run += 1) {
    await sleep(500);
    await world.killService();
    samples.push((await timed(async () => requireResponding(await world.client(), count))).ms);
  }
  return samples;
}

async function requireResponding(client: VivClient, count: number): Promise<void> {
  for (;;) {
    const machines = await client.call("machine.list", {});
    if (machines.filter(({ status }) => status.state === "running" && status.responding).length === count) return;
    const lost = machines.find(({ state }) => state !== "running");
    if (lost) throw new Error(`${lost.name} is ${lost.state}: ${JSON.stringify(lost.status)}`);
    await sleep(5);
  }
}

async function idleCosts(world: World, seconds: number, windows: number): Promise<{ cpuPercent: number[]; megabytes: number[] }> {
  const pid = await world.vivdPid();
  const cpuPercent: number[] = [];
  const megabytes: number[] = [];
  await sleep(5000);
  for (let window = 0; window < windows; window += 1) {
    const before = await processorSeconds(pid);
    const { ms } = await timed(() => sleep(seconds * 1000));
    cpuPercent.push((((await processorSeconds(pid)) - before) / (ms / 1000)) * 100);
    megabytes.push(await privateMegabytes(pid));
  }
  return { cpuPercent, megabytes };
}

/** proc(5): utime and stime are fields 14 and 15 of stat, in ticks. */
async function processorSeconds(pid: number): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, "latin1");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond;
}

async function privateMegabytes(pid: number): Promise<number> {
  const text = await readFile(`/proc/${pid}/smaps_rollup`, "utf8");
  const kilobytes = [...text.matchAll(/^Private_(?:Clean|Dirty):\s+(\d+) kB$/gm)].map((match) => Number(match[1]));
  return kilobytes.reduce((sum, each) => sum + each, 0) / kilobyte;
}
