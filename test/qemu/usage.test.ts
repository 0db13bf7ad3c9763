import assert from "node:assert/strict";
import type { MachineUsage, VivClient } from "../../src/api/index.ts";
import { until } from "../support/faults.ts";
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

  const measure = () => client.call("machine.usage", { machine: "load", intervalMs: 1000 });
  /** A guest on a busy host takes its time to answer, and to come to rest after its start. */
  const once = (what: string, fits: (usage: MachineUsage) => boolean) =>
    until(
      what,
      async () => {
        const found = await measure();
        return fits(found) && found;
      },
      90_000,
    );

  it("is more when the guest works than when it rests", async () => {
    const resting = await once("the guest rests", ({ cpuPercent }) => cpuPercent < 12);
    await guest(client, "load", "/bin/sh", "-c", "dd if=/dev/zero of=/dev/null > /dev/null 2>&1 &");
    const working = await measure();
    await guest(client, "load", "/bin/sh", "-c", "killall dd");
    assert.ok(working.cpuPercent > 2 * resting.cpuPercent, `${resting.cpuPercent} % at rest, ${working.cpuPercent} % at work`);
    assert.ok(working.intervalMs >= 990, `${working.intervalMs} ms`);
  });

  it("is QEMU's memory, its private part and the guest's view", async () => {
    const before = await once("the guest's view", (usage) => usage.guest !== null);
    assert.ok(before.privateBytes !== null && before.privateBytes <= before.residentBytes && before.privateBytes > 30 * 1024 ** 2);
    assert.ok(before.guest && before.guest.totalBytes > 150 * 1024 ** 2 && before.guest.totalBytes <= 256 * 1024 ** 2);
    const available = before.guest.availableBytes;
    await guest(client, "load", "/bin/sh", "-c", "mount -t tmpfs none /mnt && dd if=/dev/zero of=/mnt/ballast bs=1M count=64 2>/dev/null");
    const taken = (usage: MachineUsage) => available - (usage.guest?.availableBytes ?? available);
    const after = await once("64 MiB less", (usage) => taken(usage) > 48 * 1024 ** 2);
    assert.ok(taken(after) < 96 * 1024 ** 2, `64 MiB were taken; the guest says ${taken(after) / 1024 ** 2} MiB`);
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
