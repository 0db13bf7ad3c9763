import type { VivClient } from "../../src/api/index.ts";
import { starterMachine } from "../support/home.ts";
import { figure, type Measured, ratio } from "./figure.ts";
import { commandOf, RawMachine } from "./rawQemu.ts";
import { difference, pairwise, timed } from "./samples.ts";
import type { World } from "./world.ts";

const machine = "start";

/** From the request to the monitor, with the guest's processors still held: how much we add to the bare program. */
export async function measureStarting(world: World, runs: number): Promise<Measured> {
  const client = await world.client();
  await starterMachine(client, machine);
  await startAndKill(client);
  const ours: Started[] = [];
  const raw: { greetingMs: number; servingMs: number }[] = [];
  const viv: number[] = [];
  const node: number[] = [];
  for (let run = 0; run < runs; run += 1) {
    ours.push(await startAndKill(client));
    raw.push(await startRaw(world));
    node.push(await world.node());
    viv.push(await world.viv("start", machine));
    await client.call("machine.kill", { machine });
  }
  const monitor = ours.map((one) => one.monitorMs);
  const returned = ours.map((one) => one.returnedMs);
  const greeting = raw.map((one) => one.greetingMs);
  const serving = raw.map((one) => one.servingMs);
  return {
    figures: [
      figure(
        "start.added",
        "Start request → monitor, added to the bare QEMU",
        pairwise(monitor, greeting, difference),
        "from the request on an open API connection to the event “qmp”, which comes after the greeting, the handshake and the check of the machine's id; less spawn → greeting of the same argv by hand: the strict reading",
        { limit: 50 },
      ),
      figure(
        "start.addedAlike",
        "The same, like for like",
        pairwise(monitor, serving, difference),
        "less spawn → answer to the first command of the same argv by hand",
      ),
      figure("start.monitor", "Start request → monitor (API)", monitor, "as above, nothing taken away"),
      figure("start.returned", "Start request → guest runs, reply received (API)", returned, "the reply comes after `cont`"),
      figure(
        "start.rawGreeting",
        "Bare QEMU: spawn → greeting",
        greeting,
        "argv of command.txt by node:child_process, its socket dialled every ms",
      ),
      figure("start.rawServing", "Bare QEMU: spawn → first command answered", serving, "the same"),
      figure(
        "start.viv",
        "`viv start` → guest runs",
        pairwise(viv, node, difference),
        "node dist/viv.js start, spawn to exit, less `node -e 0` of the same round",
      ),
    ],
    ratios: { "start.monitor": ratio(monitor, serving), "start.viv": ratio(viv, serving) },
  };
}

interface Started {
  readonly monitorMs: number;
  readonly returnedMs: number;
}

async function startAndKill(client: VivClient): Promise<Started> {
  let monitorMs = Number.NaN;
  const started = performance.now();
  const stopListening = client.onEvent((event) => {
    if (event.event === "machine.readiness" && event.step === "qmp") monitorMs = performance.now() - started;
  });
  const { ms } = await timed(() => client.call("machine.start", { machine }));
  stopListening();
  await client.call("machine.kill", { machine });
  return { monitorMs, returnedMs: ms };
}

async function startRaw(world: World): Promise<{ greetingMs: number; servingMs: number }> {
  const raw = await RawMachine.start(await commandOf(world.machineFolder(machine)));
  await raw.end();
  return raw;
}
