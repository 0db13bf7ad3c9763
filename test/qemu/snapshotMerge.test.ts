import assert from "node:assert/strict";
import type { VivClient } from "../../src/api/index.ts";
import { deepestChain } from "../../src/machine/snapshots/shorten.ts";
import { codeOf, killHard, killVivd, type Pauses, qemuPids, show, untilState } from "../support/faults.ts";
import type { TestHome } from "../support/home.ts";
import { KnownMachine } from "../support/knownMachine.ts";
import { blocks } from "../support/snapshotWalk.ts";
import { type PausedHome, pausedHome } from "./pausedHome.ts";

/** Layers that become one: what each remaining one shows is in its *file*, whoever is killed, and chains stay short. */
describe("merging layers", function () {
  this.timeout(300_000);
  let paused: PausedHome;
  let pauses: Pauses;
  let home: TestHome;
  let client: VivClient;
  let known: KnownMachine;

  before(async () => {
    paused = await pausedHome();
    ({ pauses, home, client } = paused);
  });
  after(() => paused.dispose());

  async function machine(name: string): Promise<void> {
    known = new KnownMachine(home, name);
    await known.create(client);
  }

  async function take(tag: string): Promise<void> {
    const { pid } = await show(client, known.name);
    await known.take(client, tag, pid === null ? {} : { memory: false });
  }

  // `stream` where the upper layer holds more than the lower one, `commit` where it holds less (mergePlan.ts).
  for (const [way, lower, upper] of [
    ["stream", [3], [5, 6, 7, 8, 9, 10, 11, 12]],
    ["commit", [5, 6, 7, 8, 9, 10, 11, 12], [3]],
  ] as const)
    it(`by ${way}, between layers that QEMU's command line named: the merged file is whole when QEMU dies`, async () => {
      await machine(way);
      await known.write(client, 0, 1);
      await take("base");
      await known.write(client, ...lower);
      await take("goes");
      await known.write(client, ...upper);
      await take("stays");
      await known.write(client, 20);
      await client.call("machine.start", { machine: way });
      const pause = await pauses.at("merge", "finalizing");
      const merged = client.call("snapshot.remove", { machine: way, snapshot: "goes", now: true });
      await pause.reached();
      const { way: taken } = ((await home.state(way)) as { operation: { data: { way: string } } }).operation.data;
      assert.equal(taken, way);
      await pause.release();
      await merged;
      await known.filesShow();
      for (const pid of await qemuPids(home.folder)) await killHard(pid);
      known.disk.forgetProcess();
      await untilState(client, way, ["failed"]);
      await known.filesShow();
      // Nothing of QEMU's locks is left in the way of the next one.
      await client.call("machine.start", { machine: way });
      assert.deepEqual(await known.disk.present(await show(client, way)), known.now);
      await client.call("machine.kill", { machine: way });
      known.disk.forgetProcess();
    });

  for (const running of [true, false])
    it(`${deepestChain + 5} snapshots, ${running ? "running" : "off"}: the present stands on ${deepestChain} layers at most, and each shows what it did`, async () => {
      // A long path: what QEMU says of a chain holds every path in it, and is cut off at 4096 bytes.
      const name = running ? "deep-in-a-folder-with-a-long-name" : "deep-off";
      await machine(name);
      if (running) await client.call("machine.start", { machine: name });
      for (let number = 1; number <= deepestChain + 5; number += 1) {
        await known.write(client, number % blocks);
        await take(`s${number}`);
      }
      const { snapshots } = await client.call("snapshot.list", { machine: name });
      const depths = snapshots.map(({ depth }) => depth);
      assert.equal(snapshots.length, deepestChain + 5);
      assert.ok(Math.max(...depths) <= deepestChain, depths.join());
      assert.ok(Math.max(...depths) >= deepestChain - 1, `nothing was deep: ${depths.join()}`);
      await known.filesShow();
      await client.call("snapshot.restore", { machine: name, snapshot: "s20", safety: false });
      known.disk.forgetProcess();
      known.now = [...(known.snapshots.get("s20") ?? [])];
      await known.filesShow();
      if (running) await client.call("machine.kill", { machine: name });
      known.disk.forgetProcess();
    });

  for (const victim of ["vivd", "QEMU", "cancelled"] as const)
    it(`shortening that is interrupted (${victim}): everything shows what it did, and the next snapshot shortens`, async () => {
      const name = `cut-${victim.toLowerCase()}`;
      await machine(name);
      await client.call("machine.start", { machine: name });
      for (let number = 1; number < deepestChain; number += 1) {
        await known.write(client, number % blocks);
        await take(`s${number}`);
      }
      await known.write(client, 30);
      const pause = await pauses.at("snapshot", "shortening");
      const cancel = new AbortController();
      const outcome = codeOf(client.call("snapshot.create", { machine: name, name: "last", memory: false }, { signal: cancel.signal }));
      known.snapshots.set("last", [...known.now]);
      await pause.reached();
      if (victim === "vivd") await killVivd(home);
      if (victim === "QEMU") for (const pid of await qemuPids(home.folder)) await killHard(pid);
      if (victim === "cancelled") cancel.abort();
      await pause.release();
      const code = await outcome;
      if (victim === "vivd") client = await home.client();
      known.disk.forgetProcess();
      const shown = await untilState(client, name, ["running", "stopped", "failed"]);
      console.log(`      ${code ?? "done"}; ${shown.state}`);
      assert.ok(code !== undefined, "it was not interrupted");
      if (shown.pid !== null) assert.deepEqual(await known.disk.present(shown), known.now);
      await known.filesShow();
      if (shown.pid === null) await client.call("machine.start", { machine: name });
      await take("after");
      const { snapshots } = await client.call("snapshot.list", { machine: name });
      assert.ok(snapshots.some((each) => each.name === "after"));
      assert.ok(Math.max(...snapshots.map(({ depth }) => depth)) <= deepestChain + 1);
      await known.write(client, 31);
      await take("short");
      await known.filesShow();
      assert.ok(((await client.call("snapshot.list", { machine: name })).snapshots.find((each) => each.name === "short")?.depth ?? 99) < 5);
      await client.call("machine.kill", { machine: name });
      known.disk.forgetProcess();
    });
});
