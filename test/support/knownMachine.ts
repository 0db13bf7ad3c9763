import assert from "node:assert/strict";
import type { MachineDetails, VivClient } from "../../src/api/index.ts";
import { qemuPids, show } from "./faults.ts";
import type { TestHome } from "./home.ts";
import { allLayersAreClean } from "./snapshots.ts";
import { blocks, type Content, emptyMachine, WrittenDisk } from "./snapshotWalk.ts";

/** A machine of which a test knows what its disk and each of its snapshots must hold. No guest runs in it. */
export class KnownMachine {
  readonly name: string;
  readonly #home: TestHome;
  disk: WrittenDisk;
  now: number[] = [];
  /** By the snapshot's name. */
  readonly snapshots = new Map<string, Content>();
  #pattern = 0;

  constructor(home: TestHome, name: string) {
    this.#home = home;
    this.name = name;
    this.disk = new WrittenDisk(home, name);
  }

  /** An empty one, made anew where there was one. */
  async create(client: VivClient): Promise<void> {
    this.disk.forgetProcess();
    if ((await client.call("machine.list", {})).some(({ name }) => name === this.name)) {
      await client.call("machine.remove", { machine: this.name, force: true });
      await client.call("machine.emptyTrash", {});
    }
    await emptyMachine(client, this.name);
    this.disk = new WrittenDisk(this.#home, this.name);
    this.now = Array.from({ length: blocks }, () => 0);
    this.snapshots.clear();
  }

  async write(client: VivClient, ...where: number[]): Promise<void> {
    const state = await show(client, this.name);
    for (const block of where) {
      this.#pattern = (this.#pattern % 255) + 1;
      await this.disk.write(state, block, this.#pattern);
      this.now[block] = this.#pattern;
    }
  }

  async take(client: VivClient, tag: string, options: { memory?: boolean } = {}): Promise<void> {
    await client.call("snapshot.create", { machine: this.name, name: tag, ...options });
    this.snapshots.set(tag, [...this.now]);
  }

  /**
   * Three snapshots, each with writes of its own, and a present that holds more. The smaller layer is copied into the
   * larger one: the present always goes down into the last snapshot's. Where it runs, it does so before the third one.
   */
  async createWithThree(client: VivClient, running: boolean): Promise<void> {
    await this.create(client);
    for (const [tag, ...where] of [
      ["first", 0, 7, 14, 21],
      ["second", 28, 3, 10, 17],
      ["third", 24, 31, 6, 13, 20, 27, 2, 9],
    ] as const) {
      await this.write(client, ...where);
      if (tag === "third" && running) await client.call("machine.start", { machine: this.name });
      await this.take(client, tag);
    }
    await this.write(client, 16, 23, 30, 5);
    const state = await show(client, this.name);
    if (running) await this.disk.present(state);
  }

  /** As the files say, without asking anybody to write anything out. */
  async filesShow(): Promise<void> {
    const records = await this.disk.records();
    assert.deepEqual(await this.disk.content(records.current.layers["disk0"] ?? "disk0.qcow2"), this.now, "the present");
    for (const { name, layers } of records.snapshots)
      assert.deepEqual(await this.disk.content(layers["disk0"] ?? ""), this.snapshots.get(name), `snapshot ${name}`);
    await allLayersAreClean(this.#home, this.name);
  }

  /**
   * The present is one of those given (default: what was written), each snapshot shows what it did, a new one what the
   * present was; every image is sound, and QEMU runs exactly where the record says so.
   */
  async isWhole(client: VivClient, shown: MachineDetails, presents: readonly Content[] = [this.now]): Promise<void> {
    const pids = await qemuPids(this.#home.folder);
    assert.deepEqual(pids, shown.pid === null ? [] : [shown.pid], "QEMU processes and the record differ");
    if (shown.pid !== null) assert.ok(shown.status.state === "running" && shown.status.responding, JSON.stringify(shown.status));
    const present = await this.disk.present(shown);
    assert.ok(
      presents.some((each) => JSON.stringify(each) === JSON.stringify(present)),
      `the present is neither: ${JSON.stringify(present)} of ${JSON.stringify(presents)}`,
    );
    const { snapshots } = await client.call("snapshot.list", { machine: this.name, removed: true });
    for (const { name, problem } of snapshots) assert.equal(problem, undefined, name);
    for (const { name, layers } of (await this.disk.records()).snapshots) {
      if (!this.snapshots.has(name)) this.snapshots.set(name, [...this.now]);
      assert.deepEqual(await this.disk.content(layers["disk0"] ?? ""), this.snapshots.get(name), `snapshot ${name}`);
    }
    await allLayersAreClean(this.#home, this.name);
  }
}
