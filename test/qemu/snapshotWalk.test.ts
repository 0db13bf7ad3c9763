import assert from "node:assert/strict";
import { randomInt } from "node:crypto";
import type { MachineDetails, VivClient } from "../../src/api/index.ts";
import { show } from "../support/faults.ts";
import { type TestHome, testHome } from "../support/home.ts";
import { allLayersAreClean } from "../support/snapshots.ts";
import { blocks, type Content, emptyMachine, seededRandom, WrittenDisk } from "../support/snapshotWalk.ts";
import { noteWalk } from "../support/walkReport.ts";

/**
 * A random walk through everything that snapshots can do, beside a model that is a few lines long: what the disk must
 * hold now and in each snapshot. A seed repeats a walk: VIVARIUM_WALK_SEEDS=7,8 VIVARIUM_WALK_STEPS=500.
 */

const steps = Number(process.env["VIVARIUM_WALK_STEPS"] ?? 60);
const seeds = process.env["VIVARIUM_WALK_SEEDS"]?.split(",").map(Number) ?? [1, 2, 3, 4, 5, randomInt(1_000_000)];
/** All snapshots are looked at after so many steps. */
const lookEvery = 15;

interface Known {
  readonly content: Content;
  readonly memory: boolean;
  removed: boolean;
}

describe("a random walk through snapshots", function () {
  this.timeout(steps * 20_000);
  let home: TestHome;
  let client: VivClient;

  before(async () => {
    home = await testHome();
    client = await home.client();
  });
  after(() => home.dispose());

  for (const seed of seeds) {
    it(`of ${steps} steps, seed ${seed}`, async () => {
      const machine = `walk-${seed}`;
      await emptyMachine(client, machine);
      const trail: string[] = [];
      const startedAt = Date.now();
      const walk = new Walk(client, home, machine, seed, trail);
      const note = (done: number, outcome: "going on" | "passed" | "failed") => {
        const { running, taken, restored } = walk;
        noteWalk({ seed, asked: steps, done, running, taken, restored, seconds: (Date.now() - startedAt) / 1000, outcome });
      };
      let done = 0;
      try {
        for (let step = 1; step <= steps; step += 1) {
          await walk.step();
          done = step;
          if (step % lookEvery !== 0 && step !== steps) continue;
          await walk.lookAtEverything();
          note(done, "going on");
        }
        console.log(`      ${walk.running} of ${steps} steps with QEMU running; ${walk.taken} snapshots, ${walk.restored} restores`);
        assert.ok(walk.running * 4 >= steps, "too few steps with QEMU running");
        note(done, "passed");
      } catch (error) {
        note(done, "failed");
        console.log(`      seed ${seed}, after: ${trail.join("; ")}`);
        throw error;
      } finally {
        await client.call("machine.kill", { machine });
      }
    });
  }
});

class Walk {
  running = 0;
  taken = 0;
  restored = 0;
  readonly #client: VivClient;
  readonly #home: TestHome;
  readonly #machine: string;
  readonly #random: ReturnType<typeof seededRandom>;
  readonly #trail: string[];
  readonly #disk: WrittenDisk;
  #present: number[] = Array.from({ length: blocks }, () => 0);
  readonly #snapshots = new Map<string, Known>();

  constructor(client: VivClient, home: TestHome, machine: string, seed: number, trail: string[]) {
    this.#client = client;
    this.#home = home;
    this.#machine = machine;
    this.#random = seededRandom(seed);
    this.#trail = trail;
    this.#disk = new WrittenDisk(home, machine);
  }

  async step(): Promise<void> {
    const state = await show(this.#client, this.#machine);
    if (state.pid !== null) this.running += 1;
    const action = this.#random.pick([
      ...["write", "write", "write", "write", "create", "create", "create", "create", "create", "restore", "restore", "restore"],
      ...["remove", "removeNow", "removeNow", "branch", "undo", "empty", "switch", "switch", "suspend"],
    ] as const);
    await this[action](state);
    const now = await show(this.#client, this.#machine);
    assert.deepEqual(await this.#disk.present(now), this.#present, "the present is not what was written");
  }

  async write(state: MachineDetails): Promise<void> {
    if (state.state === "suspended") return this.switch(state);
    for (let count = 1 + this.#random.below(4); count > 0; count -= 1) {
      const [block, pattern] = [this.#random.below(blocks), 1 + this.#random.below(255)];
      this.#trail.push(`write ${block}=${pattern}`);
      await this.#disk.write(state, block, pattern);
      this.#present[block] = pattern;
    }
  }

  async create(state: MachineDetails): Promise<void> {
    const memory = state.pid !== null ? this.#random.pick([true, false]) : undefined;
    const view = await this.#client.call("snapshot.create", { machine: this.#machine, ...(memory === undefined ? {} : { memory }) });
    this.#trail.push(`create ${view.name} ${view.consistency}`);
    this.#snapshots.set(view.name, { content: [...this.#present], memory: view.memoryBytes !== null, removed: false });
    this.taken += 1;
  }

  async restore(state: MachineDetails): Promise<void> {
    const name = this.#some(false);
    if (name === undefined) return;
    const before = [...this.#present];
    const known = this.#known(name);
    this.#trail.push(`restore ${name}`);
    const { safety } = await this.#client.call("snapshot.restore", { machine: this.#machine, snapshot: name });
    this.#disk.forgetProcess();
    if (safety !== null) {
      const { snapshots } = await this.#client.call("snapshot.list", { machine: this.#machine });
      const memory = snapshots.find((each) => each.name === safety)?.memoryBytes !== null;
      this.#snapshots.set(safety, { content: before, memory, removed: false });
    }
    this.#present = [...known.content];
    this.restored += 1;
    assert.equal((await show(this.#client, this.#machine)).pid !== null, known.memory || state.pid !== null);
  }

  async remove(): Promise<void> {
    await this.#remove({});
  }

  async removeNow(): Promise<void> {
    await this.#remove({ now: true });
  }

  async branch(): Promise<void> {
    await this.#remove({ branch: true, now: this.#random.pick([true, false]) });
  }

  async #remove(how: { now?: boolean; branch?: boolean }): Promise<void> {
    const name = this.#some(false);
    if (name === undefined) return;
    this.#trail.push(`remove ${name} ${JSON.stringify(how)}`);
    const { removed } = await this.#client.call("snapshot.remove", { machine: this.#machine, snapshot: name, ...how });
    assert.ok(removed.includes(name));
    for (const each of removed) this.#known(each).removed = true;
    if (how.now) await this.#forgetGone();
  }

  async undo(): Promise<void> {
    const name = this.#some(true);
    if (name === undefined) return;
    this.#trail.push(`undo ${name}`);
    await this.#client.call("snapshot.restoreRemoved", { machine: this.#machine, snapshot: name });
    this.#known(name).removed = false;
  }

  async empty(): Promise<void> {
    this.#trail.push("empty");
    await this.#client.call("snapshot.empty", { machine: this.#machine });
    await this.#forgetGone();
  }

  /** On or off. */
  async switch(state: MachineDetails): Promise<void> {
    this.#trail.push(state.pid === null ? "start" : "kill");
    if (state.pid === null) await this.#client.call("machine.start", { machine: this.#machine });
    // Nobody flushes what a guest without a kernel wrote: the plug is pulled after QEMU wrote it out.
    else {
      await this.#disk.present(state);
      await this.#client.call("machine.kill", { machine: this.#machine });
    }
    this.#disk.forgetProcess();
  }

  async suspend(state: MachineDetails): Promise<void> {
    if (state.pid === null) return this.switch(state);
    this.#trail.push("suspend");
    await this.#client.call("machine.suspend", { machine: this.#machine });
    this.#disk.forgetProcess();
  }

  /** The list is the model's, each snapshot shows what it did, and every image is sound. */
  async lookAtEverything(): Promise<void> {
    const { snapshots } = await this.#client.call("snapshot.list", { machine: this.#machine, removed: true });
    assert.deepEqual(snapshots.map(({ name }) => name).sort(), [...this.#snapshots.keys()].sort());
    for (const { name, problem, removedAt } of snapshots) {
      assert.equal(problem, undefined, name);
      assert.equal(removedAt !== null, this.#known(name).removed, name);
    }
    const contents = new Map<string, number[]>();
    for (const { name, layers } of (await this.#disk.records()).snapshots) {
      const layer = layers["disk0"] ?? "";
      const content = contents.get(layer) ?? (await this.#disk.content(layer));
      contents.set(layer, content);
      assert.deepEqual(content, [...this.#known(name).content], `snapshot ${name} does not show what it did`);
    }
    await allLayersAreClean(this.#home, this.#machine);
  }

  /** Emptying may keep one: that which a suspended machine will go on from. */
  async #forgetGone(): Promise<void> {
    const { snapshots } = await this.#client.call("snapshot.list", { machine: this.#machine, removed: true });
    const staying = new Set(snapshots.map(({ name }) => name));
    for (const [name, known] of this.#snapshots) {
      if (staying.has(name)) continue;
      assert.ok(known.removed, `${name} is gone, and nobody removed it`);
      this.#snapshots.delete(name);
    }
  }

  #some(removed: boolean): string | undefined {
    const names = [...this.#snapshots].filter(([, known]) => known.removed === removed).map(([name]) => name);
    return names.length === 0 ? undefined : this.#random.pick(names);
  }

  #known(name: string): Known {
    const found = this.#snapshots.get(name);
    if (!found) throw new Error(`the model does not know ${name}`);
    return found;
  }
}
