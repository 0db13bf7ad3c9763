import assert from "node:assert/strict";
import type { GuestPort, VivClient } from "../../src/api/index.ts";
import { killVivd, until } from "../support/faults.ts";
import { guest, starterMachine, type TestHome, testHome } from "../support/home.ts";

const key = `ssh-ed25519 ${"A".repeat(64)} somebody@somewhere`;

/** What is looked at and changed inside a guest, in the starter guest, by whichever way reaches it. */
describe("inside the guest", function () {
  this.timeout(300_000);
  let home: TestHome;
  let client: VivClient;
  const machine = "care";

  before(async () => {
    home = await testHome();
    client = await home.client();
    await starterMachine(client, machine, { start: true });
  });
  after(() => home.dispose());

  it("tells its system, interfaces and the way it was asked", async () => {
    const system = await client.call("guest.system", { machine });
    assert.match(system.osName, /Vivarium|Debian|Linux/i);
    assert.equal(system.way, "viv-agent");
    assert.ok(system.interfaces.some(({ name }) => name === "lo"));
    assert.ok(system.kernel.length > 3);
  });

  it("tells which ports are listened on, and no more", async () => {
    await client.call("machine.exec", { machine, command: ["sh", "-c", "nc -l -p 4711 > /dev/null 2>&1 < /dev/null &"] });
    const end = Date.now() + 30_000;
    let ports: { protocol: string; port: number }[] = [];
    while (!ports.some(({ port }) => port === 4711) && Date.now() < end) ports = await client.call("guest.ports", { machine });
    assert.ok(ports.some(({ protocol, port }) => protocol === "tcp" && port === 4711));
  });

  it("tells when somebody begins and ends to listen, and who it is, until nobody wants to know", async () => {
    const told: GuestPort[][] = [];
    const stopListening = client.onEvent((event) => {
      if (event.event === "machine.portsChanged" && event.name === machine) told.push(event.ports);
    });
    const has = (port: number) => told.at(-1)?.some((one) => one.port === port) ?? false;
    const watch = await client.watchPorts({ machine });
    assert.ok(watch);
    await until("the first word", async () => told.length > 0);
    await client.call("machine.exec", { machine, command: ["sh", "-c", "nc -l -p 4712 > /dev/null 2>&1 < /dev/null & echo $! > /run/nc"] });
    await until("the port", async () => has(4712));
    assert.equal(told.at(-1)?.find(({ port }) => port === 4712)?.process, "nc");
    // A second one that asks hears what is known, and ends nothing for the first.
    const before = told.length;
    const second = await client.watchPorts({ machine });
    await until("the same again", async () => told.length > before && has(4712));
    second?.close();
    await client.call("machine.exec", { machine, command: ["sh", "-c", "kill $(cat /run/nc)"] });
    await until("the port is gone", async () => !has(4712));
    watch.close();
    await until("the guest looks no more", async () => !(await guest(client, machine, "ps")).includes("viv-agent ports"));
    stopListening();
  });

  it("lets a key in once, lists it, takes it away, and leaves the others", async () => {
    const before = (await client.call("guest.listKeys", { machine })).keys;
    assert.equal((await client.call("guest.addKey", { machine, key })).added, true);
    assert.equal((await client.call("guest.addKey", { machine, key })).added, false);
    assert.deepEqual((await client.call("guest.listKeys", { machine })).keys, [...before, key]);
    assert.equal((await guest(client, machine, "sh", "-c", "stat -c %a ~/.ssh/authorized_keys")).trim(), "600");
    assert.equal((await client.call("guest.removeKey", { machine, key })).removed, 1);
    assert.deepEqual((await client.call("guest.listKeys", { machine })).keys, before);
  });

  for (const [what, bad] of [
    ["a key with options, which could run commands", `command="sh" ${key}`],
    ["two keys in one", `${key}\n${key}`],
    ["what is no key", "hello there, this is no key"],
  ] as const)
    it(`refuses ${what}`, () => assert.rejects(client.call("guest.addKey", { machine, key: bad }), { code: "usage" }));

  it("refuses a user that is not there, and what is no user's name", async () => {
    await assert.rejects(client.call("guest.listKeys", { machine, user: "nobody-here" }), { code: "agent-failed" });
    await assert.rejects(client.call("guest.listKeys", { machine, user: "$(reboot)" }), { code: "usage" });
  });

  it("says that a guest cannot set passwords (the starter has no chpasswd), and no log has the one that was given", async () => {
    const password = "never-to-be-seen-4711";
    await assert.rejects(client.call("guest.setPassword", { machine, password }), { code: "agent-failed", message: /no chpasswd/ });
    for (const log of ["qemu", "serial", "events"] as const)
      assert.ok(!(await client.call("machine.logs", { machine, log })).text.includes(password), log);
    await assert.rejects(client.call("guest.setPassword", { machine, password: "two\nlines" }), { code: "usage" });
  });

  it("holds writes until they are let go", async () => {
    const frozen = await client.call("guest.freeze", { machine, seconds: 60 });
    assert.equal(frozen.way, "viv-agent");
    assert.ok(frozen.filesystems >= 1, `${frozen.filesystems} file systems`);
    await assert.rejects(client.call("guest.freeze", { machine, seconds: 60 }), { code: "wrong-state" });
    const writing = client.call("machine.exec", { machine, command: ["sh", "-c", "echo x > /root/while-frozen; sync"], way: "viv-agent" });
    const first = await Promise.race([writing.then(() => "written"), new Promise((late) => setTimeout(late, 1000, "held"))]);
    assert.equal(first, "held");
    assert.deepEqual(await client.call("guest.thaw", { machine }), { thawed: true });
    assert.equal((await writing).exitCode, 0);
  });

  it("lets writes go by itself when the service that froze them was killed", async () => {
    await client.call("guest.freeze", { machine, seconds: 600 });
    await killVivd(home);
    await client.closed;
    client = await home.client();
    const written = await client.call("machine.exec", { machine, command: ["sh", "-c", "echo y > /root/after; sync; echo ok"] });
    assert.equal(Buffer.from(written.stdoutBase64, "base64").toString(), "ok\n");
  });

  it("lets writes go after the time", async () => {
    await client.call("guest.freeze", { machine, seconds: 1 });
    const written = await client.call("machine.exec", { machine, command: ["sh", "-c", "echo z > /root/later; sync; echo ok"] });
    assert.equal(Buffer.from(written.stdoutBase64, "base64").toString(), "ok\n");
  });

  it("trims", async () => {
    assert.ok(["viv-agent", "agent"].includes((await client.call("guest.trim", { machine })).way));
  });

  it("installs viv-agent where another one runs, as a service the guest has, and this build answers then", async () => {
    const before = await client.call("guest.agentStatus", { machine });
    assert.equal(before.upToDate, true);
    const done = await client.call("guest.installAgent", { machine });
    assert.equal(done.build, before.offered);
    const upgraded = await client.call("guest.upgradeAgent", { machine });
    assert.deepEqual(upgraded, { from: before.offered, to: before.offered, lasting: true });
  });
});
