import assert from "node:assert/strict";
import type { VivClient } from "../../src/api/index.ts";
import { qemuPids, show, until } from "../support/faults.ts";
import { guest, starterMachine, type TestHome, testHome } from "../support/home.ts";

/** The guest's clock after time stood still, and what becomes of machines when the host goes down. */
describe("a machine and its host's time", function () {
  this.timeout(240_000);
  let home: TestHome;
  let client: VivClient;

  before(async () => {
    home = await testHome();
    client = await home.client();
    await starterMachine(client, "clock", { start: true });
  });
  after(() => home.dispose());

  const offsetMs = async (): Promise<number> => {
    const { clockOffsetMs } = await client.call("machine.guestInfo", { machine: "clock" });
    assert.ok(clockOffsetMs !== null);
    return clockOffsetMs;
  };

  it("is behind after a pause, is told by how much, and is set", async () => {
    await client.call("machine.syncClock", { machine: "clock" });
    assert.ok(Math.abs(await offsetMs()) < 2000);
    await client.call("machine.pause", { machine: "clock" });
    await new Promise((wake) => setTimeout(wake, 4000));
    await client.call("machine.resume", { machine: "clock" });
    const behind = await offsetMs();
    assert.ok(behind < -3000, `it is off by ${behind} ms`);
    const { correctedMs } = await client.call("machine.syncClock", { machine: "clock" });
    assert.ok(Math.abs(correctedMs + behind) < 2000, `corrected by ${correctedMs} ms`);
    assert.ok(Math.abs(await offsetMs()) < 2000);
  });

  for (const [what, shift] of Object.entries({ "an hour behind": -3600, "a year ahead": 31_536_000 })) {
    it(`is set when it is ${what}`, async () => {
      const wrong = Math.round(Date.now() / 1000) + shift;
      await guest(client, "clock", "date", "-s", `@${wrong}`);
      const { correctedMs } = await client.call("machine.syncClock", { machine: "clock" });
      assert.ok(Math.abs(correctedMs + shift * 1000) < 10_000, `corrected by ${correctedMs} ms`);
      assert.ok(Math.abs(await offsetMs()) < 2000);
    });
  }

  it("is right after QEMU was stopped as by a sleeping host (SIGSTOP), once it is synchronised", async () => {
    const { pid } = await show(client, "clock");
    assert.ok(pid);
    process.kill(pid, "SIGSTOP");
    await new Promise((wake) => setTimeout(wake, 3000));
    process.kill(pid, "SIGCONT");
    await until("QEMU responds", async () => {
      const { status } = await show(client, "clock");
      return status.state === "running" && status.responding;
    });
    await client.call("machine.syncClock", { machine: "clock" });
    assert.ok(Math.abs(await offsetMs()) < 2000);
  });

  it("is set without being asked after suspend and wake", async () => {
    await client.call("machine.suspend", { machine: "clock" });
    await new Promise((wake) => setTimeout(wake, 3000));
    await client.call("machine.start", { machine: "clock" });
    await client.call("machine.wait", { machine: "clock", for: "agent", timeoutMs: 60_000 });
    await until("the clock is right", async () => Math.abs(await offsetMs()) < 2000);
  });

  it("when the host goes down each machine ends by its own policy", async () => {
    const policies = { suspends: "suspend", dies: "kill" } as const;
    for (const [name, policy] of Object.entries(policies)) {
      await client.call("machine.create", { name, memory: "64M", disk: "16M", set: ["display.type=none", `onHostShutdown=${policy}`] });
      await client.call("machine.start", { machine: name });
    }
    await client.call("machine.create", { name: "off", memory: "64M", disk: "16M" });
    await client.call("machine.set", { machine: "clock", set: ["onHostShutdown=stop"] });
    const { machines } = await client.call("daemon.hostShutdown", {});
    assert.deepEqual(machines.map(({ name, outcome }) => `${name}: ${outcome}`).sort(), [
      "clock: stopped",
      "dies: killed",
      "suspends: suspended",
    ]);
    const states = (await client.call("machine.list", {})).map(({ name, state }) => `${name} ${state}`);
    assert.deepEqual(states, ["clock stopped", "dies stopped", "off stopped", "suspends suspended"]);
    assert.deepEqual(await qemuPids(home.folder), []);
    assert.equal((await client.call("machine.start", { machine: "suspends" })).state, "running");
  });
});
