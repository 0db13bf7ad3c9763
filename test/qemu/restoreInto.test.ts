import assert from "node:assert/strict";
import { existsSync, statSync } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import type { VivClient, VivEvent } from "../../src/api/index.ts";
import { codeOf, killVivd, type Pauses, until, untilState } from "../support/faults.ts";
import { driversLoaded, guest, starterMachine, type TestHome } from "../support/home.ts";
import { type PausedHome, pausedHome } from "./pausedHome.ts";

/** A snapshot with memory as a machine of its own: the guest goes on there, beside the first one, as another machine. */
describe("restoring memory into a new machine", function () {
  this.timeout(300_000);
  let paused: PausedHome;
  let pauses: Pauses;
  let home: TestHome;
  let client: VivClient;

  before(async () => {
    paused = await pausedHome();
    ({ pauses, home, client } = paused);
    await starterMachine(client, "first", { start: true });
    await driversLoaded(client, "first");
  });
  after(() => paused.dispose());

  const shell = (name: string, script: string) => guest(client, name, "sh", "-c", script);
  const ticks = async (name: string) => Number(await shell(name, "wc -l < /run/ticks"));
  const identity = async (name: string) =>
    (await shell(name, "cat /etc/machine-id /etc/hostname; hostname; cat /root/.ssh/authorized_keys | grep ssh-")).split("\n");
  const into = (name: string, start?: boolean) =>
    client.call("snapshot.restore", { machine: "first", snapshot: "moment", into: name, ...(start === undefined ? {} : { start }) });
  const memoryOf = (name: string) => statSync(join(home.machineFolder(name), "suspend", "memory"), { throwIfNoEntry: false });
  const settled = (name: string) =>
    until(`${name} is itself`, async () => {
      const { identity: pending, run } = await home.state(name);
      return pending === undefined && (run as { withheld?: unknown }).withheld === undefined;
    });
  const bySsh = async (name: string, ...command: string[]) => {
    await client.call("machine.wait", { machine: name, for: "ssh", timeoutMs: 60_000 });
    const answer = await client.call("machine.exec", { machine: name, command, way: "ssh" });
    return Buffer.from(answer.stdoutBase64, "base64").toString().trim();
  };

  it("the guest goes on with what it had in memory, while the first one runs on", async () => {
    await shell(
      "first",
      "echo moment > /root/disk; sync; echo secret > /run/memory; (while :; do echo >> /run/ticks; sleep 0.1; done) >/dev/null 2>&1 & echo $! > /run/counter",
    );
    await until("it counts", async () => (await ticks("first")) > 3);
    await client.call("snapshot.create", { machine: "first", name: "moment", memory: true });
    const atSnapshot = await ticks("first");
    await shell("first", "echo later > /root/disk; sync; echo later > /run/memory");
    const started = performance.now();
    assert.deepEqual(await into("second"), { machine: "second", safety: null });
    const ms = Math.round(performance.now() - started);
    await client.call("machine.wait", { machine: "second", for: "agent", timeoutMs: 60_000 });
    console.log(`      into a new machine of 256 MiB: ${ms} ms, itself after ${Math.round(performance.now() - started)} ms`);
    assert.equal(
      await shell("second", "cat /root/disk /run/memory; kill -0 $(cat /run/counter) && echo counting"),
      "moment\nsecret\ncounting",
    );
    const here = await ticks("second");
    assert.ok(here > 3);
    await until("the second one counts on", async () => (await ticks("second")) > here);
    // The first one was not touched.
    assert.equal(await shell("first", "cat /root/disk /run/memory"), "later\nlater");
    assert.ok((await ticks("first")) > atSnapshot);
    assert.equal((await client.call("machine.show", { machine: "first" })).state, "running");
  });

  it("it is another machine: UUID, host name, machine-id, keys, its own forwards, a reseeded random generator", async () => {
    const [first, second] = await Promise.all(["first", "second"].map((name) => client.call("machine.show", { machine: name })));
    assert.notEqual(first?.id, second?.id);
    const [one, other] = await Promise.all([identity("first"), identity("second")]);
    assert.deepEqual([one[1], one[2]], ["first", "first"]);
    assert.deepEqual([other[1], other[2]], ["second", "second"]);
    assert.notEqual(one[0], other[0]);
    assert.match(other[0] ?? "", /^[0-9a-f]{32}$/);
    // Who may log in: the new machine's key and no other.
    const keys = await Promise.all(
      ["first", "second"].map(async (name) => (await readFile(join(home.machineFolder(name), "keys", "login.pub"), "utf8")).split(" ")[1]),
    );
    assert.deepEqual([one.length, one[3]?.split(" ")[1]], [4, keys[0]]);
    assert.deepEqual([other.length, other[3]?.split(" ")[1]], [4, keys[1]]);
    await settled("second");
    assert.deepEqual(await Promise.all(["first", "second"].map((name) => bySsh(name, "hostname"))), ["first", "second"]);
    const ports = [first, await client.call("machine.show", { machine: "second" })].map((machine) => machine?.forwards[0]?.hostPort);
    assert.notEqual(ports[0], ports[1]);
    assert.match(await shell("second", "dmesg | grep -i 'virtual machine fork' || echo none"), /reseeded/);
  });

  it("its memory was the snapshot's own file, which stays the snapshot's; both go on from the snapshot again", async () => {
    await into("third", false);
    const shown = await client.call("machine.show", { machine: "third" });
    assert.equal(shown.state, "suspended");
    const [snapshot] = await readdir(join(home.machineFolder("first"), "snapshots"));
    const file = statSync(join(home.machineFolder("first"), "snapshots", snapshot ?? "", "memory"));
    assert.deepEqual([memoryOf("third")?.ino, memoryOf("third")?.nlink], [file.ino, 2]);
    // The second one has woken and let go of it.
    assert.equal(memoryOf("second"), undefined);
    const { safety } = await client.call("snapshot.restore", { machine: "first", snapshot: "moment" });
    assert.equal(await shell("first", "cat /root/disk /run/memory"), "moment\nsecret");
    assert.deepEqual((await identity("first")).slice(1, 3), ["first", "first"]);
    assert.equal(await bySsh("first", "hostname"), "first");
    await client.call("snapshot.restore", { machine: "first", snapshot: safety ?? "", safety: false });
    assert.equal(await shell("first", "cat /root/disk /run/memory"), "later\nlater");
  });

  it("the snapshot deleted and the first machine gone: the one that still sleeps wakes whole", async () => {
    await client.call("snapshot.remove", { machine: "first", snapshot: "moment", now: true });
    await client.call("machine.kill", { machine: "first" });
    await client.call("machine.remove", { machine: "first" });
    await client.call("machine.emptyTrash", {});
    await client.call("machine.start", { machine: "third" });
    await client.call("machine.wait", { machine: "third", for: "agent", timeoutMs: 60_000 });
    assert.equal(await shell("third", "cat /root/disk /run/memory; hostname"), "moment\nsecret\nthird");
    assert.equal(await shell("second", "cat /root/disk; hostname"), "moment\nsecond");
    await client.call("machine.kill", { machine: "second" });
    await client.call("machine.remove", { machine: "second" });
    await client.call("machine.emptyTrash", {});
    await shell("third", "echo third > /root/disk; sync");
    await client.call("machine.stop", { machine: "third", acpiTimeoutMs: 60_000 });
    // Booted, it is who it became, and has its own MAC address.
    await client.call("machine.start", { machine: "third" });
    await client.call("machine.wait", { machine: "third", for: "agent", timeoutMs: 120_000 });
    assert.equal(await shell("third", "cat /root/disk; hostname"), "third\nthird");
    const { text } = await client.call("machine.definition", { machine: "third" });
    assert.match(text, new RegExp(`"mac": "${await shell("third", "cat /sys/class/net/eth0/address")}"`));
  });

  describe("when something goes wrong", () => {
    const notices: Extract<VivEvent, { event: "machine.notice" }>[] = [];

    before(async () => {
      await driversLoaded(client, "third");
      await shell("third", "echo again > /run/memory; echo again > /root/disk; sync");
      await client.call("snapshot.create", { machine: "third", name: "again", memory: true });
    });

    const again = (name: string) => client.call("snapshot.restore", { machine: "third", snapshot: "again", into: name });

    it("vivd killed while it is made: no new machine, the first one runs on", async () => {
      for (const step of ["linking", "putting it in place"]) {
        const pause = await pauses.at("clone", step);
        const lost = codeOf(again("half"));
        await pause.reached();
        await killVivd(home);
        await lost;
        await pause.release();
        client = await home.client();
        assert.equal((await client.call("machine.show", { machine: "third" })).state, "running");
        assert.equal(existsSync(home.machineFolder("half")), false, step);
      }
    });

    it("vivd killed while it wakes: it sleeps on, or becomes itself under the next one", async () => {
      const reading = await pauses.at("wake", "reading memory");
      const first = codeOf(again("fourth"));
      await reading.reached();
      await killVivd(home);
      await first;
      await reading.release();
      client = await home.client();
      await untilState(client, "fourth", ["suspended"]);
      const continuing = await pauses.at("wake", "continuing");
      const second = codeOf(client.call("machine.start", { machine: "fourth" }));
      await continuing.reached();
      await killVivd(home);
      await second;
      await continuing.release();
      client = await home.client();
      await untilState(client, "fourth", ["running"]);
      await settled("fourth");
      assert.equal(await bySsh("fourth", "sh", "-c", "hostname; cat /run/memory /root/disk"), "fourth\nagain\nagain");
      await client.call("machine.kill", { machine: "fourth" });
    });

    it("killed while it sleeps, it boots from its disks, and is itself", async () => {
      await client.call("snapshot.restore", { machine: "third", snapshot: "again", into: "fifth", start: false });
      await client.call("machine.kill", { machine: "fifth" });
      assert.equal((await client.call("machine.show", { machine: "fifth" })).state, "stopped");
      await client.call("machine.start", { machine: "fifth" });
      await client.call("machine.wait", { machine: "fifth", for: "agent", timeoutMs: 120_000 });
      assert.equal(await shell("fifth", "cat /root/disk; hostname; test -e /run/memory || echo booted"), "again\nfifth\nbooted");
      assert.equal((await home.state("fifth"))["identity"], undefined);
      await client.call("machine.kill", { machine: "fifth" });
    });

    it("a guest without agents goes on as the first one, which is said, and its first key opens nothing", async () => {
      client.onEvent((event) => void (event.event === "machine.notice" && notices.push(event)));
      await shell(
        "third",
        "(sleep 1; rm -f /dev/virtio-ports/*; killall qemu-ga viv-agent) >/dev/null 2>&1 </dev/null & echo gone > /run/memory",
      );
      await until("the agents are gone", async () => !(await client.call("machine.show", { machine: "third" })).agent.connected);
      await client.call("snapshot.create", { machine: "third", name: "mute", memory: true });
      await client.call("snapshot.restore", { machine: "third", snapshot: "mute", into: "sixth" });
      await until("it is said", () => notices.some(({ message }) => /No agent answers in the guest/.test(message)), 60_000);
      const forward = await until("the forward is open", async () => (await client.call("machine.show", { machine: "sixth" })).forwards[0]);
      assert.equal(forward.guestPort, 22);
      assert.equal(await codeOf(client.call("machine.exec", { machine: "sixth", command: ["true"], way: "ssh" })), "ssh-failed");
    });
  });
});
