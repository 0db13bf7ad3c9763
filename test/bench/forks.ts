import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { ForkView, VivClient } from "../../src/api/index.ts";
import { connectVivAgent } from "../../src/qemu/index.ts";
import { debianMachine } from "../support/debian.ts";
import { starterMachine } from "../support/home.ts";
import { figure, type Measured } from "./figure.ts";
import { type Command, commandOf, RawMachine, socketOf } from "./rawQemu.ts";
import { difference, pairwise, quotient, sleep, timed } from "./samples.ts";
import type { World } from "./world.ts";

export interface ForkBench {
  readonly runs: number;
  readonly debian: boolean;
}

/**
 * Forks against the bare sequence on the same command line: spawn, load, `cont`, viv-agent's first answer, its clock set.
 * One after the other in each round. Nothing of Vivarium is in the bare one but the client of viv-agent.
 */
export async function measureForks(world: World, { runs, debian }: ForkBench): Promise<Measured> {
  const client = await world.client();
  await starterMachine(client, "web", { start: true, memory: "1G" });
  const starter = await measureGuest(world, client, { machine: "web", title: "Starter guest, 1 GiB", id: "starter", limit: 350, runs });
  const many = await measureMany(world, client, "web-ready", Math.max(2, Math.floor(runs / 3)));
  await client.call("machine.kill", { machine: "web" });
  if (!debian) return { figures: [...starter, ...many], ratios: {} };
  await debianMachine(client, "debian", { memory: "1G" });
  await client.call("guest.installAgent", { machine: "debian" });
  const full = await measureGuest(world, client, {
    machine: "debian",
    title: "Debian 12 with systemd, 1 GiB",
    id: "debian",
    limit: 500,
    runs,
  });
  return { figures: [...starter, ...many, ...full], ratios: {} };
}

interface Guest {
  readonly machine: string;
  readonly title: string;
  readonly id: string;
  readonly limit: number;
  readonly runs: number;
}

async function measureGuest(world: World, client: VivClient, { machine, title, id, limit, runs }: Guest): Promise<Measured["figures"]> {
  const template = `${machine}-ready`;
  const whole: number[] = [];
  const paused: number[] = [];
  for (let run = 0; run < Math.min(runs, 5); run += 1) {
    if (run > 0) await client.call("template.remove", { template });
    const made = await timed(() => client.call("template.create", { machine, name: template }));
    whole.push(made.ms);
    paused.push(made.value.pausedMs ?? Number.NaN);
    await sleep(500);
  }
  const ours: number[] = [];
  const raw: number[] = [];
  const byViv: number[] = [];
  const bare = await bareFork(world, client, template);
  for (let run = 0; run < runs; run += 1) {
    const made = await timed(() => client.call("fork.create", { source: template }));
    await remove(client, made.value);
    ours.push(made.ms);
    raw.push((await bare.ready(bare.commands[0])).ms);
    byViv.push((await world.viv("fork", template, "-n", "1")) - (await world.node()));
    await remove(
      client,
      (await client.call("machine.list", {})).filter(({ fork }) => fork),
      bare.names,
    );
  }
  const four = await client.call("fork.create", { source: template, count: 4 });
  await sleep(5000);
  const memory = await Promise.all(
    four.map(async ({ name }) => privateMegabytes((await client.call("machine.show", { machine: name })).pid ?? 0)),
  );
  const [dirty, clean] = [memory.map((one) => one.dirty), memory.map((one) => one.clean)];
  await remove(client, four);
  await bare.dispose();
  return [
    figure(
      `fork.${id}`,
      `${title}: fork → ready (API)`,
      ours,
      "request to reply on an open connection; host name, machine-id, clock and random numbers its own",
      { limit },
    ),
    figure(`fork.${id}.raw`, `${title}: the bare sequence`, raw, "spawn, load, cont, viv-agent's first answer, its clock set"),
    figure(`fork.${id}.added`, `${title}: added to the bare sequence`, pairwise(ours, raw, difference), "pair by pair", { limit: 50 }),
    figure(`fork.${id}.viv`, `${title}: \`viv fork NAME\``, byViv, "spawn to exit, less `node -e 0` of the same round"),
    figure(`fork.${id}.memory`, `${title}: a fork's own memory`, dirty, "Private_Dirty of four that are idle, 5 s after ready", {
      unit: "MB",
      ...(id === "debian" ? { limit: 40 } : {}),
    }),
    figure(
      `fork.${id}.memory.clean`,
      `${title}: what the host can drop of it`,
      clean,
      "Private_Clean of the same: read from files that no other process maps now",
      {
        unit: "MB",
      },
    ),
    figure(`template.${id}.pause`, `${title}: the machine's pause for a template`, paused, "QMP STOP → RESUME", { limit: 80 }),
    figure(`template.${id}`, `${title}: template of the running machine`, whole, "request to reply", { limit: 3000 }),
  ];
}

/** Twenty at once. */
async function measureMany(world: World, client: VivClient, template: string, runs: number): Promise<Measured["figures"]> {
  const count = 20;
  const ours: number[] = [];
  const raw: number[] = [];
  const bare = await bareFork(world, client, template, count);
  for (let run = 0; run < runs; run += 1) {
    const made = await timed(() => client.call("fork.create", { source: template, count, readyWithinMs: 60_000 }));
    ours.push(made.ms);
    await remove(client, made.value);
    const sequence = await timed(() => Promise.all(bare.commands.map((command) => bare.ready(command, true))));
    raw.push(sequence.ms);
    await Promise.all(sequence.value.map(({ end }) => end()));
  }
  await bare.dispose();
  const how = "all ready, starter guest, 1 GiB each";
  return [
    figure("fork.twenty", "20 forks at once: all ready (API)", ours, how, { limit: 6000 }),
    figure("fork.twenty.raw", "20 bare sequences at once", raw, how),
    figure("fork.twenty.ratio", "20 forks at once, ours ÷ bare", pairwise(ours, raw, quotient), how, { unit: "×", limit: 1.15 }),
  ];
}

interface Bare {
  readonly commands: readonly Command[];
  readonly names: readonly string[];
  ready(command: Command | undefined, stay?: boolean): Promise<{ ms: number; end(): Promise<void> }>;
  dispose(): Promise<void>;
}

/** Folders and command lines of forks that Vivarium made and ended: what a script would have to make first. */
async function bareFork(world: World, client: VivClient, template: string, count = 1): Promise<Bare> {
  const names = Array.from({ length: count }, (_, index) => `bare-${index + 1}`);
  await client.call("fork.create", { source: template, names, count });
  const commands: Command[] = [];
  for (const name of names) {
    await client.call("machine.kill", { machine: name });
    commands.push(await commandOf(world.machineFolder(name)));
  }
  const state = join(world.folder, "templates", template, "state");
  return {
    commands,
    names,
    async ready(command, stay = false) {
      if (!command) throw new Error("no command");
      const started = performance.now();
      const machine = await RawMachine.start(command);
      try {
        await machine.load(state);
        const meeting = connectVivAgent(await machine.dial(socketOf(command, "viv-agent")), { timeoutMs: 60_000 });
        await machine.continue();
        const agent = await meeting;
        await agent.identify(`time ${BigInt(Date.now()) * 1_000_000n}\n`);
        const ms = performance.now() - started;
        agent.dispose();
        if (!stay) await machine.end();
        return { ms, end: () => machine.end() };
      } catch (error) {
        await machine.end();
        throw error;
      }
    },
    dispose: () =>
      remove(
        client,
        names.map((name) => ({ name })),
      ),
  };
}

async function remove(client: VivClient, forks: readonly Pick<ForkView, "name">[], except: readonly string[] = []): Promise<void> {
  await Promise.all(forks.filter(({ name }) => !except.includes(name)).map(({ name }) => client.call("fork.remove", { machine: name })));
}

async function privateMegabytes(pid: number): Promise<{ dirty: number; clean: number }> {
  const text = await readFile(`/proc/${pid}/smaps_rollup`, "utf8");
  const of = (key: string) => Number(new RegExp(`^${key}:\\s+(\\d+) kB$`, "m").exec(text)?.[1] ?? Number.NaN) / 1024;
  return { dirty: of("Private_Dirty"), clean: of("Private_Clean") };
}
