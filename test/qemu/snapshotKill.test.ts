import assert from "node:assert/strict";
import type { VivClient } from "../../src/api/index.ts";
import { codeOf, killHard, killVivd, type Pauses, qemuPids, show, until, untilState } from "../support/faults.ts";
import type { TestHome } from "../support/home.ts";
import { KnownMachine } from "../support/knownMachine.ts";
import { type PausedHome, pausedHome } from "./pausedHome.ts";

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
  let paused: PausedHome;
  let pauses: Pauses;
  let home: TestHome;
  let client: VivClient;
  let machine: KnownMachine;

  before(async () => {
    paused = await pausedHome();
    ({ pauses, home, client } = paused);
    machine = new KnownMachine(home, "victim");
  });
  after(() => paused.dispose());

  /** @returns the processes of QEMU that were killed. */
  async function strike(victim: Row["victims"][number]): Promise<number[]> {
    if (victim !== "QEMU") await killVivd(home);
    const killed = victim === "QEMU" || victim === "both" ? await qemuPids(home.folder) : [];
    for (const pid of killed) await killHard(pid);
    machine.disk.forgetProcess();
    return killed;
  }

  for (const { operation, kind, step, victims } of table) {
    for (const victim of victims) {
      it(`${operation}, at “${step}”, of ${victim}`, async () => {
        const running = victim !== "vivd, machine off";
        await machine.createWithThree(client, running);
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
        const first = machine.snapshots.get("first") ?? [];
        await machine.isWhole(client, shown, [machine.now, ...(operation.startsWith("restore") ? [first] : [])]);
        machine.now = await machine.disk.present(shown);
        const again = await codeOf(operations[operation](client, shown.pid !== null));
        const gone = operation.startsWith("delete") && again === "not-found";
        const off = operation === "create with memory" && shown.pid === null && again === "wrong-state";
        const stands = operation.startsWith("create") && again === "exists";
        assert.ok(again === undefined || gone || off || stands, `the operation then fails: ${again}`);
        machine.disk.forgetProcess();
        await client.call("snapshot.empty", { machine: "victim" });
        await machine.isWhole(client, await show(client, "victim"), [machine.now, first]);
      });
    }
  }
});
