import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { readdir, readFile, readlink, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { DiskDetails, VivClient } from "../../src/api/index.ts";
import { show, until } from "../support/faults.ts";
import { driversLoaded, starterMachine, type TestHome, testHome } from "../support/home.ts";

/** Disks that change between snapshots: only the present is changed, and what a snapshot needs stays. */
describe("disks and snapshots together", function () {
  this.timeout(300_000);
  let home: TestHome;
  let client: VivClient;
  const machine = "both";
  const mib = 1024 ** 2;

  before(async () => {
    home = await testHome();
    client = await home.client();
    await starterMachine(client, machine, { start: true });
    await driversLoaded(client, machine);
    await client.call("disk.add", { machine, size: "32M", id: "data" });
  });
  after(() => home.dispose());

  const file = (name: string) => join(home.machineFolder(machine), name);
  async function sh(script: string): Promise<string> {
    const ended = await client.call("machine.exec", { machine, command: ["sh", "-c", script], way: "agent" });
    assert.equal(ended.exitCode, 0, `${script}: ${Buffer.from(ended.stderrBase64, "base64")}`);
    return Buffer.from(ended.stdoutBase64, "base64").toString().trim();
  }
  const write = (text: string) => sh(`printf ${text} | dd of=/dev/vdb bs=512 conv=sync,fsync,notrunc 2>/dev/null`);
  const read = () => sh("dd if=/dev/vdb bs=512 count=1 2>/dev/null | tr -cd a-z");
  const sizeInGuest = async () => Number(await sh("cat /sys/block/vdb/size")) * 512;
  async function data(): Promise<DiskDetails | undefined> {
    return (await client.call("disk.list", { machine })).find(({ id }) => id === "data");
  }
  /** Files of the machine that QEMU holds open. */
  async function held(): Promise<string[]> {
    const { pid } = await show(client, machine);
    const folder = `/proc/${pid}/fd`;
    const links = await Promise.all((await readdir(folder)).map((fd) => readlink(join(folder, fd)).catch(() => "")));
    return links
      .filter((link) => link.startsWith(`${home.machineFolder(machine)}/`))
      .map((link) => link.slice(home.machineFolder(machine).length + 1));
  }

  it("a plugged-in disk is in the snapshot, grows above it, and only there", async () => {
    await until("the disk in the guest", async () => (await sh("ls /sys/block")).includes("vdb"));
    await write("before");
    await client.call("snapshot.create", { machine, name: "one" });
    await write("after");
    assert.equal((await client.call("disk.resize", { machine, disk: "data", size: "64M" })).virtualBytes, 64 * mib);
    await until("64 MiB in the guest", async () => (await sizeInGuest()) === 64 * mib);
    const disk = await data();
    assert.deepEqual(
      disk?.layers.map(({ virtualBytes, snapshots }) => [virtualBytes / mib, snapshots]),
      [
        [64, []],
        [32, ["one"]],
      ],
    );
    assert.equal(disk?.file, disk?.layers[0]?.file);
    assert.equal((await show(client, machine)).disks.find(({ id }) => id === "data")?.virtualBytes, 64 * mib);
    await client.call("disk.limit", { machine, disk: "data", limits: { writesPerSecond: 1000 } });
    assert.equal(await read(), "after");
  });

  it("removed, QEMU lets go of all its layers; the one the snapshot needs stays, the present goes to the trash", async () => {
    const layer = (await data())?.file ?? "";
    await client.call("disk.remove", { machine, disk: "data" });
    assert.deepEqual(
      (await held()).filter((name) => name.includes("data")),
      [],
    );
    assert.ok(existsSync(file("data.qcow2")));
    assert.ok(!existsSync(file(layer)));
    assert.equal((await client.call("disk.trash", { machine }))[0]?.disk, "data");
    const back = await client.call("disk.restoreRemoved", { machine, disk: "data" });
    assert.equal(back.file, layer);
    await until("the disk in the guest", async () => (await sh("ls /sys/block")).includes("vdb"));
    assert.equal(await read(), "after");
    assert.equal(await sizeInGuest(), 64 * mib);
    assert.equal(back.limits.writesPerSecond, 1000);
    await client.call("disk.remove", { machine, disk: "data" });
  });

  it("restored, the machine has the disk as it was then, in its place and with its size", async () => {
    await client.call("snapshot.restore", { machine, snapshot: "one" });
    await client.call("machine.wait", { machine, for: "agent", timeoutMs: 180_000 });
    assert.equal(await read(), "before");
    assert.equal(await sizeInGuest(), 32 * mib);
    assert.equal((await data())?.attached, true);
    await assert.rejects(client.call("disk.restoreRemoved", { machine, disk: "data" }), { code: "exists" });
    await client.call("machine.kill", { machine });
    for (const disk of ["disk0", "data"]) assert.equal((await client.call("disk.check", { machine, disk })).sound, true);
  });

  it("a new disk of that id, after the old one was deleted, gets a file of its own", async () => {
    await client.call("disk.remove", { machine, disk: "data", delete: true });
    assert.ok(existsSync(file("data.qcow2")), "the snapshot needs it");
    const fresh = await client.call("disk.add", { machine, size: "16M", id: "data" });
    assert.match(fresh.file, /^data-[0-9a-f]{6}\.qcow2$/);
    assert.equal(fresh.virtualBytes, 16 * mib);
    assert.equal(
      (await client.call("disk.list", { machine })).every(({ problem }) => problem === undefined),
      true,
    );
  });

  it("a removed disk is whole when the snapshots below it are gone for good", async () => {
    await client.call("disk.remove", { machine, disk: "data", delete: true });
    const content = join(home.folder, "content.img");
    await writeFile(content, Buffer.alloc(mib, "below "));
    await client.call("disk.add", { machine, id: "whole", file: content, format: "raw" });
    await client.call("snapshot.create", { machine, name: "below" });
    assert.equal((await client.call("disk.list", { machine })).find(({ id }) => id === "whole")?.layers.length, 2);
    await client.call("disk.remove", { machine, disk: "whole" });
    assert.ok(existsSync(file("whole.qcow2")));
    await client.call("snapshot.remove", { machine, snapshot: "below", now: true });
    // Nobody but the trash needs it now.
    await rm(file("whole.qcow2"), { force: true });
    const back = await client.call("disk.restoreRemoved", { machine, disk: "whole" });
    assert.equal(back.layers.length, 2);
    assert.equal(back.problem, undefined);
    assert.equal((await client.call("disk.check", { machine, disk: "whole" })).sound, true);
    assert.ok((await readFile(file("whole.qcow2"))).includes("below ".repeat(1000)));
  });

  it("many layers are listed in no time", async () => {
    for (let index = 0; index < 12; index += 1) await client.call("snapshot.create", { machine, name: `s${index}` });
    const started = performance.now();
    const disks = await client.call("disk.list", { machine });
    const ms = performance.now() - started;
    const layers = disks.reduce((sum, disk) => sum + disk.layers.length, 0);
    console.log(`      disk.list of ${layers} layers: ${ms.toFixed(1)} ms`);
    assert.ok(layers >= 26);
    assert.ok(ms < 200, `${ms} ms for ${layers} layers`);
  });
});
