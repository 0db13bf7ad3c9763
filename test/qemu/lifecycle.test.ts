import assert from "node:assert/strict";
import type { VivClient, VivEvent } from "../../src/api/index.ts";
import { guest, starterMachine, type TestHome, testHome } from "../support/home.ts";

describe("a machine's life", function () {
  this.timeout(180_000);
  let home: TestHome;
  let client: VivClient;
  const events: VivEvent[] = [];

  before(async () => {
    home = await testHome();
    client = await home.client();
    client.onEvent((event) => events.push(event));
    await starterMachine(client, "life", { start: true });
  });
  after(() => home.dispose());

  it("answers by its agent, with its own name", async () => {
    assert.equal(await guest(client, "life", "hostname"), "life");
  });

  it("tells each state and each step of readiness as events", () => {
    const states = events.flatMap((event) => (event.event === "machine.changed" ? [event.machine.state] : []));
    assert.ok(states.includes("starting") && states.includes("running"), states.join());
    const steps = events.flatMap((event) => (event.event === "machine.readiness" ? [event.step] : []));
    assert.deepEqual(
      steps.filter((step) => ["qmp", "init", "agent"].includes(step)),
      ["qmp", "init", "agent"],
    );
  });

  it("keeps the guest's clock still while paused, and runs on", async () => {
    assert.equal((await client.call("machine.pause", { machine: "life" })).state, "paused");
    await assert.rejects(client.call("machine.exec", { machine: "life", command: ["true"] }), { code: "wrong-state" });
    assert.equal((await client.call("machine.resume", { machine: "life" })).state, "running");
    assert.equal(await guest(client, "life", "echo", "on"), "on");
  });

  it("keeps memory over suspend and wake, and sets the clock", async () => {
    await guest(client, "life", "sh", "-c", "mkdir -p /run && echo remembered > /run/note");
    const boot = await guest(client, "life", "cat", "/proc/sys/kernel/random/boot_id");
    const suspended = await client.call("machine.suspend", { machine: "life" });
    assert.equal(suspended.state, "suspended");
    assert.equal(suspended.pid, null);
    assert.ok((suspended.suspendedBytes ?? 0) > 1_000_000);
    const woken = await client.call("machine.start", { machine: "life" });
    assert.equal(woken.state, "running");
    await client.call("machine.wait", { machine: "life", for: "agent", timeoutMs: 30_000 });
    assert.equal(await guest(client, "life", "cat", "/run/note"), "remembered");
    assert.equal(await guest(client, "life", "cat", "/proc/sys/kernel/random/boot_id"), boot);
    const drift = Math.abs(Date.now() / 1000 - Number(await guest(client, "life", "date", "+%s")));
    assert.ok(drift <= 2, `the guest's clock is off by ${drift} s`);
  });

  it("boots anew after reset, with a new boot id", async () => {
    const boot = await guest(client, "life", "cat", "/proc/sys/kernel/random/boot_id");
    await client.call("machine.reset", { machine: "life" });
    await client.call("machine.wait", { machine: "life", for: "agent", timeoutMs: 60_000 });
    assert.notEqual(await guest(client, "life", "cat", "/proc/sys/kernel/random/boot_id"), boot);
  });

  it("stops by ACPI, cleanly and without quit or kill", async () => {
    const started = performance.now();
    const stopped = await client.call("machine.stop", { machine: "life", quitTimeoutMs: 0 });
    assert.equal(stopped.state, "stopped");
    assert.ok(performance.now() - started < 20_000);
  });

  it("reports a machine that runs when it is started again", async () => {
    const first = await client.call("machine.start", { machine: "life" });
    const second = await client.call("machine.start", { machine: "life" });
    assert.equal(second.pid, first.pid);
  });

  it("is stopped, not failed, when the guest powers itself off", async () => {
    await client.call("machine.wait", { machine: "life", for: "agent", timeoutMs: 60_000 });
    await client.call("machine.exec", { machine: "life", command: ["poweroff"] }).catch(() => undefined);
    const stopped = await client.call("machine.wait", { machine: "life", for: "stopped", timeoutMs: 30_000 });
    assert.equal(stopped.state, "stopped");
    assert.equal(stopped.wanted, "stopped");
  });
});
