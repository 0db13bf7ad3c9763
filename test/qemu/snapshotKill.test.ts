import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { MachineDetails, VivClient } from "../../src/api/index.ts";
import { codeOf, killHard, killVivd, type Pauses, pausesIn, qemuPids, show, until, untilState } from "../support/faults.ts";
import { type TestHome, testHome } from "../support/home.ts";
import { allLayersAreClean } from "../support/snapshots.ts";
import { blocks, emptyMachine, WrittenDisk } from "../support/snapshotWalk.ts";

/**
 * `kill -9` of vivd, of QEMU and of both, at every step of what snapshots do. The table says where; what the machine may
 * be afterwards follows from src/machine/snapshots/recover.ts. Whatever is killed: the present and every snapshot show
 * what they did, every image is sound, no file is left that nobody names, and the same operation then succeeds.
 */

type Victim = "vivd" | "QEMU" | "both";

interface Row {
  readonly operation: keyof typeof operations;
  readonly step: string;
  readonly kind: "snapshot" | "restore" | "merge";
  /** With QEMU running, or off. */
  readonly victims: readonly (Victim | "vivd, machine off")[];
}

const live = ["vivd", "QEMU", "both"] as const;
const everyWay = [...live, "vivd, machine off"] as const;

const operations = {
  "create with memory": (client: VivClient) => client.call("snapshot.create", { machine: "victim", name: "new", memory: true }),
  "create of disks": (client: VivClient, running: boolean) =>
    client.call("snapshot.create", { machine: "victim", name: "new", ...(running ? { memory: false } : {}) }),
  restore: (client: VivClient) => client.call("snapshot.restore", { machine: "victim", snapshot: "first" }),
  "restore without keeping": (client: VivClient) =>
    client.call("snapshot.restore", { machine: "victim", snapshot: "first", safety: false }),
  "delete inner": (client: VivClient) => client.call("snapshot.remove", { machine: "victim", snapshot: "second", now: true }),
  "delete last": (client: VivClient) => client.call("snapshot.remove", { machine: "victim", snapshot: "third", now: true }),
} as const;

const table: readonly Row[] = [
  { operation: "create with memory", kind: "snapshot", step: "preparing", victims: live },
  { operation: "create with memory", kind: "snapshot", step: "saving memory", victims: live },
  { operation: "create with memory", kind: "snapshot", step: "flushing", victims: live },
  { operation: "create with memory", kind: "snapshot", step: "recording", victims: live },
  { operation: "create of disks", kind: "snapshot", step: "switching the disks", victims: live },
  { operation: "create of disks", kind: "snapshot", step: "making layers", victims: ["vivd, machine off"] },
  { operation: "create of disks", kind: "snapshot", step: "recording", victims: everyWay },
  { operation: "restore", kind: "restore", step: "checking", victims: everyWay },
  { operation: "restore", kind: "restore", step: "saving memory", victims: live },
  { operation: "restore", kind: "restore", step: "recording", victims: live },
  { operation: "restore", kind: "restore", step: "making layers", victims: everyWay },
  { operation: "restore", kind: "restore", step: "ending QEMU", victims: everyWay },
  { operation: "restore without keeping", kind: "restore", step: "switching", victims: ["vivd", "vivd, machine off"] },
  { operation: "delete inner", kind: "merge", step: "removing", victims: everyWay },
  { operation: "delete inner", kind: "merge", step: "deleting", victims: everyWay },
  { operation: "delete inner", kind: "merge", step: "merging", victims: everyWay },
  { operation: "delete inner", kind: "merge", step: "finalizing", victims: live },
  { operation: "delete inner", kind: "merge", step: "switching", victims: everyWay },
  { operation: "delete last", kind: "merge", step: "merging", victims: everyWay },
  { operation: "delete last", kind: "merge", step: "going over", victims: live },
  { operation: "delete last", kind: "merge", step: "switching", victims: everyWay },
];

describe("kill -9 at every step of snapshots", function () {
  this.timeout(240_000);
  let folder: string;
  let pauses: Pauses;
  let home: TestHome;
  let client: VivClient;
  let disk: WrittenDisk;
  /** By snapshot; `now` is the present. */
  let contents: Map<string, number[]>;
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

  async function change(): Promise<void> {
    const state = await show(client, "victim");
    const now = contents.get("now") ?? [];
    for (let count = 0; count < 4; count += 1) {
      pattern = (pattern % 255) + 1;
      const block = (pattern * 7) % blocks;
      await disk.write(state, block, pattern);
      now[block] = pattern;
    }
    if (state.pid !== null) await disk.present(state);
  }

  /** A machine with three snapshots, each with writes of its own, running or off; made anew for each row. */
  async function prepare(running: boolean): Promise<void> {
    if ((await client.call("machine.list", {})).length > 0) {
      await client.call("machine.remove", { machine: "victim", force: true });
      await client.call("machine.emptyTrash", {});
    }
    await emptyMachine(client, "victim");
    disk = new WrittenDisk(home, "victim");
    contents = new Map([["now", Array.from({ length: blocks }, () => 0)]]);
    pattern = 0;
    for (const name of ["first", "second", "third"]) {
      await change();
      // The smaller layer is copied into the larger one: the present always goes down into the last snapshot's.
      if (name === "third") await change();
      if (name === "third" && running) await client.call("machine.start", { machine: "victim" });
      await client.call("snapshot.create", { machine: "victim", name });
      contents.set(name, [...(contents.get("now") ?? [])]);
    }
    await change();
  }

  /** @returns the processes of QEMU that were killed. */
  async function strike(victim: Row["victims"][number]): Promise<number[]> {
    if (victim !== "QEMU") await killVivd(home);
    const killed = victim === "QEMU" || victim === "both" ? await qemuPids(home.folder) : [];
    for (const pid of killed) await killHard(pid);
    disk.forgetProcess();
    return killed;
  }

  /** Restored or not: the present is one of the two; everything else is as it was. */
  async function examine(shown: MachineDetails, presents: readonly (readonly number[])[]): Promise<void> {
    const pids = await qemuPids(home.folder);
    assert.deepEqual(pids, shown.pid === null ? [] : [shown.pid], "QEMU processes and the record differ");
    if (shown.pid !== null) assert.ok(shown.status.state === "running" && shown.status.responding, JSON.stringify(shown.status));
    const present = await disk.present(shown);
    assert.ok(
      presents.some((each) => JSON.stringify(each) === JSON.stringify(present)),
      `the present is neither: ${JSON.stringify(present)} of ${JSON.stringify(presents)}`,
    );
    const { snapshots } = await client.call("snapshot.list", { machine: "victim", removed: true });
    for (const { name, problem } of snapshots) assert.equal(problem, undefined, name);
    const records = await disk.records();
    for (const { name, layers } of records.snapshots) {
      // A new one is of what was there when it was taken.
      if (!contents.has(name)) contents.set(name, [...(contents.get("now") ?? [])]);
      const expected = contents.get(name);
      assert.deepEqual(await disk.content(layers["disk0"] ?? ""), expected, `snapshot ${name}`);
    }
    await allLayersAreClean(home, "victim");
  }

  for (const { operation, kind, step, victims } of table) {
    for (const victim of victims) {
      it(`${operation}, at “${step}”, of ${victim}`, async () => {
        const running = victim !== "vivd, machine off";
        await prepare(running);
        const pause = await pauses.at(kind, step);
        const outcome = codeOf(operations[operation](client, running));
        await pause.reached();
        const killed = await strike(victim);
        await pause.release();
        const code = await outcome;
        if (victim !== "QEMU") {
          assert.equal(code, "daemon-unavailable");
          client = await home.client();
        }
        await until("vivd has noticed", async () => !killed.includes((await show(client, "victim")).pid ?? 0));
        const shown = await untilState(client, "victim", ["running", "stopped", "failed", "suspended"]).catch(async (error: unknown) => {
          throw new Error(JSON.stringify(await show(client, "victim")), { cause: error });
        });
        const presents = [contents.get("now") ?? [], ...(operation.startsWith("restore") ? [contents.get("first") ?? []] : [])];
        await examine(shown, presents);
        const before = await disk.present(shown);
        contents.set("now", before);
        const again = await codeOf(operations[operation](client, shown.pid !== null));
        const gone = operation.startsWith("delete") && again === "not-found";
        const off = operation === "create with memory" && shown.pid === null && again === "wrong-state";
        const stands = operation.startsWith("create") && again === "exists";
        assert.ok(again === undefined || gone || off || stands, `the operation then fails: ${again}`);
        disk.forgetProcess();
        await client.call("snapshot.empty", { machine: "victim" });
        const last = await show(client, "victim");
        await examine(last, [before, contents.get("first") ?? []]);
      });
    }
  }
});
