import assert from "node:assert/strict";
import type { VivClient } from "../../src/api/index.ts";
import { guest, starterMachine, type TestHome, testHome } from "../support/home.ts";

describe("what a machine costs", function () {
  this.timeout(180_000);
  let home: TestHome;
  let client: VivClient;

  before(async () => {
    home = await testHome();
    client = await home.client();
    await starterMachine(client, "load", { start: true, memory: "256M" });
    await client.call("machine.wait", { machine: "load", for: "agent", timeoutMs: 120_000 });
  });
  after(() => home.dispose());

  it("is more when the guest works than when it rests", async () => {
    const measure = () => client.call("machine.usage", { machine: "load", intervalMs: 1000 });
    const resting = await until("the guest rests", async () => {
      const found = await measure();
      return found.cpuPercent < 12 && found;
    });
    await guest(client, "load", "/bin/sh", "-c", "(timeout 5 dd if=/dev/zero of=/dev/null) > /dev/null 2>&1 &");
    const working = await client.call("machine.usage", { machine: "load", intervalMs: 1000 });
    assert.ok(working.cpuPercent > resting.cpuPercent + 20, `${resting.cpuPercent} % at rest, ${working.cpuPercent} % at work`);
    await guest(client, "load", "/bin/sh", "-c", "killall dd; true");
    assert.ok(working.intervalMs >= 990, `${working.intervalMs} ms`);
  });

  it("is QEMU's memory, its private part and the guest's view", async () => {
    const before = await client.call("machine.usage", { machine: "load" });
    assert.ok(before.privateBytes !== null && before.privateBytes <= before.residentBytes && before.privateBytes > 30 * 1024 ** 2);
    assert.ok(before.guest && before.guest.totalBytes > 150 * 1024 ** 2 && before.guest.totalBytes <= 256 * 1024 ** 2);
    await guest(client, "load", "/bin/sh", "-c", "mount -t tmpfs none /mnt && dd if=/dev/zero of=/mnt/ballast bs=1M count=64 2>/dev/null");
    const after = await client.call("machine.usage", { machine: "load", intervalMs: 1500 });
    const taken = before.guest.availableBytes - (after.guest?.availableBytes ?? 0);
    assert.ok(taken > 48 * 1024 ** 2 && taken < 96 * 1024 ** 2, `64 MiB were taken; the guest says ${taken / 1024 ** 2} MiB`);
  });

  it("has no guest's view while the guest is paused, and next to no load", async () => {
    await client.call("machine.pause", { machine: "load" });
    const paused = await client.call("machine.usage", { machine: "load" });
    assert.equal(paused.guest, null);
    assert.ok(paused.cpuPercent < 10, `${paused.cpuPercent} %`);
    await client.call("machine.resume", { machine: "load" });
  });

  it("says that a machine which ends meanwhile has ended, and that a stopped one does not run", async () => {
    const measuring = client.call("machine.usage", { machine: "load", intervalMs: 3000 });
    const outcome = assert.rejects(measuring, { code: "qemu-lost" });
    await client.call("machine.kill", { machine: "load" });
    await outcome;
    await assert.rejects(client.call("machine.usage", { machine: "load" }), {
      code: "wrong-state",
      message: "load is not running (it is stopped).",
    });
  });
});
