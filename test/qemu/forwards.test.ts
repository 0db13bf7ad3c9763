import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { type AddressInfo, connect, createServer } from "node:net";
import { join } from "node:path";
import { parse } from "jsonc-parser";
import type { VivClient } from "../../src/api/index.ts";
import { codeOf, killVivd, until } from "../support/faults.ts";
import { guest, starterMachine, type TestHome, testHome } from "../support/home.ts";

/** Forwards that change under a running guest. What is reached through them is the guest's own SSH server. */
describe("forwards of a running machine", function () {
  this.timeout(120_000);
  const machine = "web";
  let home: TestHome;
  let client: VivClient;

  before(async () => {
    home = await testHome();
    client = await home.client();
    await starterMachine(client, machine, { start: true });
    // A second server in the guest: port 22 has its forward.
    await guest(client, machine, "sh", "-c", "until pidof dropbear; do sleep 0.1; done; dropbear -r /run/vivarium/host_key -p 2222");
  });
  after(() => home.dispose());

  const list = () => client.call("forward.list", { machine });
  const add = (options: { hostPort?: number; guestPort?: number; once?: boolean; protocol?: "udp" } = {}) =>
    client.call("forward.add", { machine, guestPort: 2222, ...options });
  const remove = (hostPort?: number) =>
    client.call("forward.remove", { machine, guestPort: 2222, ...(hostPort === undefined ? {} : { hostPort }) });
  const definition = async () => parse(await readFile(join(home.machineFolder(machine), "vm.json"), "utf8"));
  const written = async () => (await definition()).networks[0].forwards ?? [];
  const reaches = (port: number | null) =>
    until(`port ${port} reaches the guest`, async () => (await greeting(port ?? 0)).startsWith("SSH-2.0"));

  it("opens at once, stays in vm.json, and nothing waits for the next start", async () => {
    const forward = await add();
    assert.deepEqual(forward, { ...forward, hostAddress: "127.0.0.1", guestPort: 2222, protocol: "tcp", open: true, kept: true });
    await reaches(forward.hostPort);
    assert.deepEqual(await written(), [{ guestPort: 2222 }]);
    const shown = await client.call("machine.show", { machine });
    assert.deepEqual(shown.pendingChanges, []);
    assert.ok(shown.forwards.some(({ hostPort }) => hostPort === forward.hostPort));
    assert.equal(await codeOf(add()), "exists");
    await remove();
    assert.equal(await greeting(forward.hostPort ?? 0), "");
    assert.deepEqual(await written(), []);
  });

  it("takes the next free port for a busy one", async () => {
    const taken = createServer().listen(0, "127.0.0.1");
    await new Promise((listening) => taken.once("listening", listening));
    const { port } = taken.address() as AddressInfo;
    const forward = await add({ hostPort: port });
    assert.notEqual(forward.hostPort, port);
    await reaches(forward.hostPort);
    assert.deepEqual(await written(), [{ hostPort: forward.hostPort, guestPort: 2222 }]);
    taken.close();
    await remove();
  });

  it("that waits for the next start is opened now, and written once", async () => {
    await client.call("machine.set", { machine, set: ['networks.0.forwards=[{"guestPort":2222}]'] });
    assert.deepEqual(
      (await list()).map(({ guestPort, open }) => [guestPort, open]),
      [
        [22, true],
        [2222, false],
      ],
    );
    const forward = await add();
    await reaches(forward.hostPort);
    assert.deepEqual(await written(), [{ guestPort: 2222 }]);
    assert.deepEqual((await client.call("machine.show", { machine })).pendingChanges, []);
    await remove();
    assert.deepEqual(await written(), []);
  });

  it("goes on after kill -9 of vivd, and after suspend; one for once ends with the process", async () => {
    const kept = await add();
    const once = await add({ hostPort: (kept.hostPort ?? 0) + 1, once: true });
    assert.deepEqual([once.kept, (await written()).length], [false, 1]);
    assert.equal(await codeOf(remove()), "usage", "which of both");
    await killVivd(home);
    client = await home.client();
    assert.deepEqual(
      (await list()).filter(({ guestPort }) => guestPort === 2222).map(({ hostPort, open }) => [hostPort, open]),
      [
        [kept.hostPort, true],
        [once.hostPort, true],
      ],
    );
    for (const { hostPort } of [kept, once]) await reaches(hostPort);
    await client.call("machine.suspend", { machine });
    assert.deepEqual(
      (await list()).map(({ guestPort, open }) => [guestPort, open]),
      [[2222, false]],
    );
    await client.call("machine.start", { machine });
    const after = (await list()).filter(({ guestPort }) => guestPort === 2222);
    assert.deepEqual(
      after.map(({ hostPort, open }) => [hostPort, open]),
      [[kept.hostPort, true]],
    );
    await reaches(kept.hostPort);
    await remove();
  });

  it("is what was recorded after a vivd that died in the middle, whichever way", async () => {
    const open = await add();
    const file = join(home.machineFolder(machine), "state.json");
    const brokenOff = async (change: (forwards: { hostPort: number; guestPort: number }[]) => unknown[]) => {
      await killVivd(home);
      const state = JSON.parse(await readFile(file, "utf8"));
      state.operation = {
        kind: "forward",
        step: "opening the forward",
        startedAt: new Date().toISOString(),
        owner: { pid: 1, startTime: "0" },
        data: {},
      };
      state.run.forwards = change(state.run.forwards);
      await writeFile(file, JSON.stringify(state));
      client = await home.client();
      await client.call("machine.show", { machine });
    };
    const recorded = JSON.parse(await readFile(file, "utf8")).run.forwards.find(
      ({ guestPort }: { guestPort: number }) => guestPort === 2222,
    );
    await brokenOff((forwards) => forwards.filter(({ guestPort }) => guestPort !== 2222));
    assert.equal(await greeting(open.hostPort ?? 0), "", "open, never recorded: closed");
    await brokenOff((forwards) => [...forwards, recorded]);
    await reaches(open.hostPort);
    // Closed, and its port was taken meanwhile: the machine is adopted all the same, and has it no longer.
    await brokenOff((forwards) => forwards.filter(({ guestPort }) => guestPort !== 2222));
    const taken = createServer().listen(open.hostPort ?? 0, "127.0.0.1");
    await new Promise((listening) => taken.once("listening", listening));
    await brokenOff((forwards) => [...forwards, recorded]);
    assert.equal((await client.call("machine.show", { machine })).state, "running");
    assert.ok(!(await list()).some((forward) => forward.open && forward.guestPort === 2222));
    taken.close();
    await remove();
  });

  it("what cannot be is refused, and nothing has changed", async () => {
    const before = [await list(), await definition()];
    assert.equal(await codeOf(remove()), "not-found");
    assert.equal(await codeOf(client.call("forward.remove", { machine, guestPort: 22 })), "wrong-state", "the only way of SSH");
    assert.equal(await codeOf(client.call("forward.add", { machine, guestPort: 0 })), "usage");
    assert.equal(await codeOf(client.call("forward.add", { machine, guestPort: 80, hostAddress: "::1" })), "usage");
    assert.equal(await codeOf(client.call("forward.add", { machine, guestPort: 80, hostAddress: "203.0.113.9" })), "host-cannot");
    assert.deepEqual([await list(), await definition()], before);
    await starterMachine(client, "alone", { set: ["networks.0.mode=none", "networks.0.forwards="] });
    assert.equal(await codeOf(client.call("forward.add", { machine: "alone", guestPort: 80 })), "wrong-state");
    await starterMachine(client, "later");
    assert.equal(await codeOf(client.call("forward.add", { machine: "later", guestPort: 80, once: true })), "wrong-state");
    const later = await client.call("forward.add", { machine: "later", guestPort: 80 });
    assert.deepEqual([later.open, later.hostPort], [false, null]);
  });
});

/** What a server says first; empty: nobody is there. */
function greeting(port: number): Promise<string> {
  return new Promise((said) => {
    const socket = connect(port, "127.0.0.1");
    const end = (text: string) => {
      socket.destroy();
      said(text);
    };
    socket.setTimeout(3000, () => end(""));
    socket.once("data", (data) => end(String(data)));
    socket.once("error", () => end(""));
    socket.once("close", () => end(""));
  });
}
