import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { chmodSync, createReadStream, statSync, truncateSync, utimesSync } from "node:fs";
import { readdir, readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { ForkView, VivClient } from "../../src/api/index.ts";
import { isAlive } from "../../src/backends/index.ts";
import { codeOf, killVivd } from "../support/faults.ts";
import { guest, starterMachine, type TestHome, testHome } from "../support/home.ts";

describe("templates and forks", function () {
  this.timeout(300_000);
  let home: TestHome;
  let client: VivClient;

  before(async () => {
    home = await testHome();
    client = await home.client();
    await starterMachine(client, "web", { start: true });
    await guest(client, "web", "sh", "-c", "echo parent > /root/disk; echo parent > /dev/shm/memory; sync");
    await client.call("template.create", { machine: "web", name: "base", note: "ready" });
  });
  after(() => home.dispose());
  afterEach(async () => {
    for (const { name, fork } of await client.call("machine.list", {})) if (fork) await client.call("fork.remove", { machine: name });
  });

  const fork = (source: string, count = 1, more: object = {}): Promise<ForkView[]> =>
    client.call("fork.create", { source, count, ...more });
  const sh = (name: string, line: string) => guest(client, name, "sh", "-c", line);
  const folder = () => join(home.folder, "templates", "base");
  const pidOf = async (name: string) => (await client.call("machine.show", { machine: name })).pid ?? 0;

  async function checksum(file: string): Promise<string> {
    const hash = createHash("sha256");
    for await (const chunk of createReadStream(file)) hash.update(chunk as Buffer);
    return hash.digest("hex");
  }

  it("a template is made of a machine that goes on, and says what it is", async () => {
    const view = await client.call("template.show", { template: "base" });
    assert.deepEqual([view.name, view.note, view.source.name, view.implicit, view.forks], ["base", "ready", "web", false, []]);
    assert.equal(view.memoryBytes, 256 * 1024 ** 2);
    assert.ok(view.ownBytes > 10 * 1024 ** 2 && view.ownBytes < view.memoryBytes, `${view.ownBytes}`);
    assert.ok(view.pausedMs !== undefined && view.pausedMs < 2000);
    for (const name of ["memory", "state"]) assert.equal(statSync(join(folder(), name)).mode & 0o777, 0o400);
    assert.equal(await sh("web", "cat /root/disk /dev/shm/memory"), "parent\nparent");
    const clean = (await client.call("snapshot.list", { machine: "web" })).snapshots;
    assert.deepEqual(clean, [], "no snapshot is left of it");
  });

  it("forks go on from it with an identity of their own; what each writes is its own", async () => {
    const before = await checksum(join(folder(), "memory"));
    const forks = await fork("base", 3);
    assert.deepEqual(
      forks.map(({ name }) => name),
      ["base-1", "base-2", "base-3"],
    );
    for (const { readyMs, state } of forks) assert.ok(readyMs !== null && state === "running");
    const facts = await Promise.all(
      forks.map(async ({ name }) => {
        const said = await sh(
          name,
          "hostname; cat /etc/machine-id; head -c 16 /dev/urandom | od -An -tx1; cat /root/disk /dev/shm/memory; date +%s",
        );
        const [hostname, machineId, random, disk, memory, seconds] = said.split("\n");
        assert.equal(hostname, name);
        assert.deepEqual([disk, memory], ["parent", "parent"]);
        assert.ok(Math.abs(Number(seconds) - Date.now() / 1000) < 10, "its clock is right");
        return { machineId, random };
      }),
    );
    assert.equal(new Set(facts.map(({ machineId }) => machineId)).size, 3);
    assert.equal(new Set(facts.map(({ random }) => random)).size, 3);
    const everybody = ["web", ...forks.map(({ name }) => name)];
    for (const name of everybody)
      await sh(
        name,
        `echo ${name} > /root/disk; echo ${name} > /dev/shm/memory; dd if=/dev/urandom of=/dev/shm/noise bs=1M count=16 2>/dev/null; sync`,
      );
    for (const name of everybody) assert.equal(await sh(name, "cat /root/disk /dev/shm/memory"), `${name}\n${name}`);
    assert.equal(await checksum(join(folder(), "memory")), before, "nobody wrote to the template");
    const [next] = await fork("base");
    assert.equal(await sh(next?.name ?? "", "cat /root/disk /dev/shm/memory"), "parent\nparent", "the template is as it was");
    const ids = await Promise.all(everybody.map(async (name) => (await client.call("machine.show", { machine: name })).id));
    assert.equal(new Set(ids).size, ids.length);
  });

  it("ssh reaches a fork under a host key of its own", async () => {
    const [one, two] = await fork("base", 2);
    const keys = await Promise.all(
      [one, two].map(async (each) => {
        const machine = each?.name ?? "";
        await client.call("machine.wait", { machine, for: "ssh", timeoutMs: 60_000 });
        const { forwards } = await client.call("machine.show", { machine });
        assert.equal(forwards.length, 1);
        const said = await client.call("machine.exec", { machine, command: ["hostname"], way: "ssh" });
        assert.equal(Buffer.from(said.stdoutBase64, "base64").toString().trim(), machine);
        return readFile(join(home.machineFolder(machine), "keys", "host_ed25519.pub"), "utf8");
      }),
    );
    assert.notEqual(keys[0], keys[1]);
  });

  it("a fork can be snapshotted, restored, made a template of, and forked again", async () => {
    const [first] = await fork("base");
    const name = first?.name ?? "";
    await sh(name, "echo second > /dev/shm/memory; echo second > /root/disk; sync");
    await client.call("snapshot.create", { machine: name, name: "s", memory: true });
    await sh(name, "echo third > /dev/shm/memory; echo third > /root/disk; sync");
    const [second] = await fork(name);
    assert.equal(await sh(second?.name ?? "", "cat /root/disk /dev/shm/memory"), "third\nthird");
    const [ofSnapshot] = await fork(name, 1, { snapshot: "s" });
    assert.equal(await sh(ofSnapshot?.name ?? "", "cat /root/disk /dev/shm/memory"), "second\nsecond");
    const [third] = await fork(second?.name ?? "");
    assert.equal(await sh(third?.name ?? "", "cat /root/disk /dev/shm/memory; hostname"), `third\nthird\n${third?.name}`);
    await client.call("snapshot.restore", { machine: name, snapshot: "s" });
    assert.equal(await sh(name, "cat /root/disk /dev/shm/memory"), "second\nsecond");
    for (const { name: each, implicit } of await client.call("template.list", {})) {
      if (!implicit) continue;
      assert.equal(await codeOf(client.call("template.remove", { template: each })), "wrong-state", "a fork runs on it");
    }
  });

  it("a fork that restarts boots from its disk, and one that is kept is an ordinary machine", async () => {
    const [made] = await fork("base");
    const name = made?.name ?? "";
    const pid = await pidOf(name);
    await sh(name, "echo mine > /root/disk; sync");
    await client.call("fork.keep", { machine: name });
    assert.equal(await codeOf(client.call("fork.remove", { machine: name })), "wrong-state");
    assert.equal((await client.call("template.show", { template: "base" })).forks.length, 1, "it maps its memory still");
    await client.call("machine.reset", { machine: name });
    while ((await pidOf(name)) === pid || (await pidOf(name)) === 0) await new Promise((wake) => setTimeout(wake, 100));
    await client.call("machine.wait", { machine: name, for: "agent", timeoutMs: 120_000 });
    assert.equal(await sh(name, "hostname; cat /root/disk; cat /dev/shm/memory 2>/dev/null || echo gone"), `${name}\nmine\ngone`);
    assert.deepEqual((await client.call("template.show", { template: "base" })).forks, []);
    await client.call("machine.remove", { machine: name, force: true });
  });

  it("templates are renamed, and go when nothing runs on them", async () => {
    await client.call("template.create", { machine: "web", name: "other" });
    assert.equal(await codeOf(client.call("template.create", { machine: "web", name: "other" })), "exists");
    await client.call("template.edit", { template: "other", name: "another", note: "n" });
    const [made] = await fork("another", 1, { names: ["probe"] });
    assert.equal(made?.name, "probe");
    assert.equal(await codeOf(client.call("template.remove", { template: "another" })), "wrong-state");
    await client.call("machine.kill", { machine: "probe" });
    const { freedBytes } = await client.call("template.remove", { template: "another" });
    assert.ok(freedBytes > 0);
    assert.equal(await codeOf(fork("another")), "not-found");
    await client.call("machine.start", { machine: "probe" });
    await client.call("machine.wait", { machine: "probe", for: "agent", timeoutMs: 120_000 });
    assert.equal(await sh("probe", "cat /root/disk"), await sh("web", "cat /root/disk"), "a stopped fork boots without its template");
  });

  it("what cannot be is refused, and nothing is left", async () => {
    const machines = async () => (await readdir(join(home.folder, "machines"))).sort();
    const before = await machines();
    assert.equal(await codeOf(fork("nothing")), "not-found");
    assert.equal(await codeOf(fork("base", 2, { names: ["one"] })), "usage");
    assert.equal(await codeOf(fork("base", 1, { names: ["web"] })), "exists");
    assert.equal(await codeOf(fork("base", 1, { names: ["../x"] })), "invalid-name");
    assert.equal(await codeOf(client.call("template.create", { machine: "web", name: "../x" })), "invalid-name");
    await starterMachine(client, "off");
    assert.equal(await codeOf(client.call("template.create", { machine: "off" })), "wrong-state");
    assert.equal(await codeOf(fork("off")), "wrong-state");
    await client.call("machine.remove", { machine: "off" });
    await client.call("template.create", { machine: "web", name: "broken" });
    const memory = join(home.folder, "templates", "broken", "memory");
    const { size, atime, mtime } = statSync(memory);
    chmodSync(memory, 0o600);
    truncateSync(memory, size - 4096);
    assert.equal(await codeOf(fork("broken")), "damaged", "truncated");
    truncateSync(memory, size);
    utimesSync(memory, atime, mtime);
    assert.equal(await codeOf(fork("broken")), "damaged", "changed, although size and time are as they were");
    await rename(memory, `${memory}.away`);
    assert.equal(await codeOf(fork("broken")), "damaged", "missing");
    const record = join(home.folder, "templates", "broken", "template.json");
    await client.call("template.remove", { template: "broken" });
    assert.deepEqual(await machines(), before);
    await client.call("template.create", { machine: "web", name: "broken" });
    const told = JSON.parse(await readFile(record, "utf8"));
    for (const change of [{ qemuId: "0123456789abcdef" }, { cpuModel: "Nehalem" }, { hardware: "0" }, { accelerator: "kvm" }]) {
      await writeFile(record, JSON.stringify({ ...told, ...change }));
      await killVivd(home);
      client = await home.client();
      assert.equal(await codeOf(fork("broken")), "host-cannot", JSON.stringify(change));
    }
    await writeFile(record, "{");
    await killVivd(home);
    client = await home.client();
    assert.equal((await client.call("template.show", { template: "broken" })).problem, "template.json cannot be read");
    assert.equal(await codeOf(fork("broken")), "damaged");
    await client.call("template.remove", { template: "broken" });
    assert.ok(await isAlive({ pid: await pidOf("web"), startTime: ((await home.state("web"))["run"] as { startTime: string }).startTime }));
    assert.deepEqual(await machines(), before);
  });
});
