import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { MachineDetails, VivClient } from "../../src/api/index.ts";
import { codeOf, type Pauses, pausesIn, qemuPids, show, until, untilState } from "../support/faults.ts";
import { starterMachine, type TestHome, testHome } from "../support/home.ts";

/** `viv kill` and Ctrl+C at every step of every operation. The interrupted one notices, whatever it was waiting for. */

type Kind = "start" | "stop" | "suspend" | "wake";
type State = MachineDetails["state"];

interface Row {
  readonly kind: Kind;
  readonly step: string;
  /** The machine's state after Ctrl+C. After `viv kill` it is always stopped. */
  readonly cancelled: readonly State[];
}

const table: readonly Row[] = [
  { kind: "start", step: "starting QEMU", cancelled: ["stopped"] },
  { kind: "start", step: "waiting for QEMU", cancelled: ["stopped"] },
  { kind: "start", step: "letting it run", cancelled: ["stopped", "running"] },
  { kind: "stop", step: "asking the guest to shut down", cancelled: ["running"] },
  { kind: "stop", step: "ending QEMU", cancelled: ["running", "stopped"] },
  { kind: "suspend", step: "saving memory", cancelled: ["running"] },
  { kind: "suspend", step: "recording", cancelled: ["running", "suspended"] },
  { kind: "suspend", step: "ending QEMU", cancelled: ["suspended"] },
  { kind: "wake", step: "starting QEMU", cancelled: ["suspended"] },
  { kind: "wake", step: "waiting for QEMU", cancelled: ["suspended"] },
  { kind: "wake", step: "reading memory", cancelled: ["suspended"] },
  { kind: "wake", step: "continuing", cancelled: ["suspended", "running"] },
];

describe("an operation that is interrupted", function () {
  this.timeout(60_000);
  let folder: string;
  let pauses: Pauses;
  let home: TestHome;
  let client: VivClient;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "viv-"));
    pauses = pausesIn(folder);
    home = await testHome({ environment: pauses.environment });
    client = await home.client();
    await starterMachine(client, "victim");
  });
  after(async () => {
    await home.dispose();
    await rm(folder, { recursive: true, force: true });
  });

  async function prepare(kind: Kind): Promise<void> {
    await client.call("machine.kill", { machine: "victim" });
    if (kind !== "start") await client.call("machine.start", { machine: "victim" });
    if (kind === "wake") await client.call("machine.suspend", { machine: "victim" });
  }

  function run({ kind, step }: Row, signal?: AbortSignal): Promise<unknown> {
    const options = signal ? { signal } : {};
    if (kind === "suspend") return client.call("machine.suspend", { machine: "victim" }, options);
    if (kind !== "stop") return client.call("machine.start", { machine: "victim" }, options);
    return client.call(
      "machine.stop",
      { machine: "victim", acpiTimeoutMs: step.startsWith("asking") ? 600_000 : 0, quitTimeoutMs: 20_000 },
      options,
    );
  }

  /** Long enough that the interruption is there before the operation goes on: it must not depend on being told later. */
  const untilToldMs = 150;

  for (const row of table) {
    it(`${row.kind}, at “${row.step}”, by kill: stopped`, async () => {
      await prepare(row.kind);
      const pause = await pauses.at(row.kind, row.step);
      const outcome = codeOf(run(row));
      await pause.reached();
      const killed = client.call("machine.kill", { machine: "victim" });
      await delay(untilToldMs);
      await pause.release();
      assert.equal((await killed).state, "stopped");
      assert.deepEqual(await qemuPids(home.folder), []);
      await outcome;
    });

    it(`${row.kind}, at “${row.step}”, by Ctrl+C: ${row.cancelled.join(" or ")}`, async () => {
      await prepare(row.kind);
      const pause = await pauses.at(row.kind, row.step);
      const interruption = new AbortController();
      const outcome = codeOf(run(row, interruption.signal));
      await pause.reached();
      interruption.abort();
      await delay(untilToldMs);
      await pause.release();
      const code = await outcome;
      assert.ok(code === "cancelled" || code === undefined, code);
      await untilState(client, "victim", row.cancelled);
      // A QEMU that was told to quit before the cancel ends a moment later.
      await until("processes and what is said of them agree", async () => {
        const { pid } = await show(client, "victim");
        return String(await qemuPids(home.folder)) === (pid === null ? "" : String(pid));
      });
      const details = await show(client, "victim");
      if (details.status.state === "running") assert.ok(details.status.responding);
    });
  }
});
