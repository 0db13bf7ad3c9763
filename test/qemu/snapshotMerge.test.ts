import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { VivClient } from "../../src/api/index.ts";
import { deepestChain } from "../../src/machine/snapshots/shorten.ts";
import { codeOf, killHard, killVivd, type Pauses, pausesIn, qemuPids, show, untilState } from "../support/faults.ts";
import { type TestHome, testHome } from "../support/home.ts";
import { allLayersAreClean } from "../support/snapshots.ts";
import { blocks, emptyMachine, WrittenDisk } from "../support/snapshotWalk.ts";

/** Layers that become one: what each remaining one shows is in its *file*, whoever is killed, and chains stay short. */
describe("merging layers", function () {
  this.timeout(300_000);
  let folder: string;
  let pauses: Pauses;
  let home: TestHome;
  let client: VivClient;
  let disk: WrittenDisk;
  let now: number[];
  let contents: Map<string, readonly number[]>;
  let pattern = 0;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "viv-"));
    pauses = pausesIn(folder);
    home = await testHome({ environment: pauses.environment });
    client = await home.client();
  });
  after(async () => {
    await home.dispose();
    await rm(folder, { recursive: true, force: true });
  });

  async function machine(name: string): Promise<void> {
    await emptyMachine(client, name);
    disk = new WrittenDisk(home, name);
    now = Array.from({ length: blocks }, () => 0);
    contents = new Map();
  }

  async function write(name: string, ...where: number[]): Promise<void> {
    const state = await show(client, name);
    for (const block of where) {
      pattern = (pattern % 255) + 1;
      await disk.write(state, block, pattern);
      now[block] = pattern;
    }
  }

  async function take(name: string, tag: string): Promise<void> {
    const state = await show(client, name);
    const running = state.pid !== null;
    await client.call("snapshot.create", { machine: name, name: tag, ...(running ? { memory: false } : {}) });
    contents.set(tag, [...now]);
  }

  /** As the files say, without asking anybody to write anything out. */
  async function filesShow(machineName: string): Promise<void> {
    const records = await disk.records();
    assert.deepEqual(await disk.content(records.current.layers["disk0"] ?? "disk0.qcow2"), now, "the present");
    for (const { name, layers } of records.snapshots)
      assert.deepEqual(await disk.content(layers["disk0"] ?? ""), contents.get(name), `snapshot ${name}`);
    await allLayersAreClean(home, machineName);
  }

  // `stream` where the upper layer holds more than the lower one, `commit` where it holds less (mergePlan.ts).
  for (const [way, lower, upper] of [
    ["stream", [3], [5, 6, 7, 8, 9, 10, 11, 12]],
    ["commit", [5, 6, 7, 8, 9, 10, 11, 12], [3]],
  ] as const)
    it(`by ${way}, between layers that QEMU's command line named: the merged file is whole when QEMU dies`, async () => {
      await machine(way);
      await write(way, 0, 1);
      await take(way, "base");
      await write(way, ...lower);
      await take(way, "goes");
      await write(way, ...upper);
      await take(way, "stays");
      await write(way, 20);
      await client.call("machine.start", { machine: way });
      const pause = await pauses.at("merge", "finalizing");
      const merged = client.call("snapshot.remove", { machine: way, snapshot: "goes", now: true });
      await pause.reached();
      const { way: taken } = ((await home.state(way)) as { operation: { data: { way: string } } }).operation.data;
      assert.equal(taken, way);
      await pause.release();
      await merged;
      await filesShow(way);
      for (const pid of await qemuPids(home.folder)) await killHard(pid);
      disk.forgetProcess();
      await untilState(client, way, ["failed"]);
      await filesShow(way);
      // Nothing of QEMU's locks is left in the way of the next one.
      await client.call("machine.start", { machine: way });
      assert.deepEqual(await disk.present(await show(client, way)), now);
      await client.call("machine.kill", { machine: way });
      disk.forgetProcess();
    });

  for (const running of [true, false])
    it(`${deepestChain + 5} snapshots, ${running ? "running" : "off"}: the present stands on ${deepestChain} layers at most, and each shows what it did`, async () => {
      // A long path: what QEMU says of a chain holds every path in it, and is cut off at 4096 bytes.
      const name = running ? "deep-in-a-folder-with-a-long-name" : "deep-off";
      await machine(name);
      if (running) await client.call("machine.start", { machine: name });
      for (let number = 1; number <= deepestChain + 5; number += 1) {
        await write(name, number % blocks);
        await take(name, `s${number}`);
      }
      const { snapshots } = await client.call("snapshot.list", { machine: name });
      const depths = snapshots.map(({ depth }) => depth);
      assert.equal(snapshots.length, deepestChain + 5);
      assert.ok(Math.max(...depths) <= deepestChain, depths.join());
      assert.ok(Math.max(...depths) >= deepestChain - 1, `nothing was deep: ${depths.join()}`);
      await filesShow(name);
      await client.call("snapshot.restore", { machine: name, snapshot: "s20", safety: false });
      disk.forgetProcess();
      now = [...(contents.get("s20") ?? [])];
      await filesShow(name);
      if (running) await client.call("machine.kill", { machine: name });
      disk.forgetProcess();
    });

  for (const victim of ["vivd", "QEMU", "cancelled"] as const)
    it(`shortening that is interrupted (${victim}): everything shows what it did, and the next snapshot shortens`, async () => {
      const name = `cut-${victim.toLowerCase()}`;
      await machine(name);
      await client.call("machine.start", { machine: name });
      for (let number = 1; number < deepestChain; number += 1) {
        await write(name, number % blocks);
        await take(name, `s${number}`);
      }
      await write(name, 30);
      const pause = await pauses.at("snapshot", "shortening");
      const cancel = new AbortController();
      const outcome = codeOf(client.call("snapshot.create", { machine: name, name: "last", memory: false }, { signal: cancel.signal }));
      contents.set("last", [...now]);
      await pause.reached();
      if (victim === "vivd") await killVivd(home);
      if (victim === "QEMU") for (const pid of await qemuPids(home.folder)) await killHard(pid);
      if (victim === "cancelled") cancel.abort();
      await pause.release();
      const code = await outcome;
      if (victim === "vivd") client = await home.client();
      disk.forgetProcess();
      const shown = await untilState(client, name, ["running", "stopped", "failed"]);
      console.log(`      ${code ?? "done"}; ${shown.state}`);
      assert.ok(code !== undefined, "it was not interrupted");
      if (shown.pid !== null) assert.deepEqual(await disk.present(shown), now);
      await filesShow(name);
      if (shown.pid === null) await client.call("machine.start", { machine: name });
      await take(name, "after");
      const { snapshots } = await client.call("snapshot.list", { machine: name });
      assert.ok(snapshots.some((each) => each.name === "after"));
      assert.ok(Math.max(...snapshots.map(({ depth }) => depth)) <= deepestChain + 1);
      await write(name, 31);
      await take(name, "short");
      await filesShow(name);
      assert.ok(((await client.call("snapshot.list", { machine: name })).snapshots.find((each) => each.name === "short")?.depth ?? 99) < 5);
      await client.call("machine.kill", { machine: name });
      disk.forgetProcess();
    });
});
