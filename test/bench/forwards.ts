import { starterMachine } from "../support/home.ts";
import { figure, type Measured } from "./figure.ts";
import { timed } from "./samples.ts";
import type { World } from "./world.ts";

/** A forward of a running machine: open, recorded, and in vm.json. */
export async function measureForwards(world: World, runs: number): Promise<Measured> {
  const client = await world.client();
  const machine = "ports";
  await starterMachine(client, machine, { start: true });
  const added: number[] = [];
  const removed: number[] = [];
  for (let run = 0; run < runs; run += 1) {
    added.push((await timed(() => client.call("forward.add", { machine, guestPort: 8080 }))).ms);
    removed.push((await timed(() => client.call("forward.remove", { machine, guestPort: 8080 }))).ms);
  }
  const counted = "request to reply on an open connection; QEMU has it, state.json and vm.json are on disk";
  return {
    figures: [
      figure("forward.add", "A forward added while the guest runs", added, counted, { limit: 20 }),
      figure("forward.remove", "The same taken away", removed, counted),
    ],
    ratios: {},
  };
}
