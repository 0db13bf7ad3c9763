import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, statfsSync, statSync } from "node:fs";
import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Result, VivClient } from "../../src/api/index.ts";
import { codeOf, everything, killVivd, type Pauses } from "../support/faults.ts";
import { guest, starterMachine, type TestHome, testHome } from "../support/home.ts";
import { runTool } from "../support/tools.ts";
import { type PausedHome, pausedHome } from "./pausedHome.ts";
import type { World } from "./world.ts";

describe("clones", function () {
  this.timeout(300_000);
  let paused: PausedHome;
  let world: World;
  let pauses: Pauses;
  let home: TestHome;
  let client: VivClient;

  before(async () => {
    paused = await pausedHome();
    ({ world, pauses, home, client } = paused);
  });
  after(() => paused.dispose());
  afterEach(async () => {
    for (const { name, state } of await client.call("machine.list", {}))
      if (state !== "stopped") await client.call("machine.kill", { machine: name });
  });

  function clone(
    machine: string,
    name: string,
    options: { linked?: boolean; snapshot?: string; signal?: AbortSignal } = {},
  ): Promise<Result<"machine.clone">> {
    const { signal, ...request } = options;
    return client.call("machine.clone", { machine, name, ...request }, signal ? { signal } : {});
  }

  async function run(name: string): Promise<void> {
    await client.call("machine.start", { machine: name });
    await client.call("machine.wait", { machine: name, for: "agent", timeoutMs: 120_000 });
  }

  async function write(name: string, text: string): Promise<void> {
    await guest(client, name, "sh", "-c", `echo ${text} > /root/mark; sync`);
  }

  const read = (name: string) => guest(client, name, "cat", "/root/mark");
  const stop = (name: string) => client.call("machine.stop", { machine: name });

  async function definitionOf(
    machine: string,
  ): Promise<{ id: string; name: string; networks: { mac: string }[]; disks: { file: string }[] }> {
    return JSON.parse((await client.call("machine.definition", { machine })).text.replaceAll(/^\/\/.*$/gm, ""));
  }

  async function records(machine: string): Promise<{ snapshots: { name: string }[]; current: { layers: Record<string, string> } }> {
    return JSON.parse(await readFile(join(home.machineFolder(machine), "snapshots.json"), "utf8"));
  }

  async function allClean(machine: string): Promise<void> {
    const folder = home.machineFolder(machine);
    for (const file of (await everything(folder)).filter((name) => /\.qcow2$/.test(name))) {
      const { exitCode, stderr } = await runTool("qemu-img", ["check", "-q", "-f", "qcow2", join(folder, file)], folder);
      assert.ok(exitCode === 0 || exitCode === 3, `${file}: ${stderr}`);
    }
  }

  it("share a stopped machine's disk, then go their own ways; removing either leaves the other whole", async () => {
    await starterMachine(client, "one", { start: true });
    await write("one", "common");
    await stop("one");
    const made = await clone("one", "two", { linked: true });
    assert.deepEqual([made.name, made.linked, made.way], ["two", true, "linked"]);
    // The same file under both names, and nobody may write to it.
    const [first, second] = ["one", "two"].map((name) => statSync(join(home.machineFolder(name), "disk0.qcow2")));
    assert.deepEqual([first?.ino, first?.nlink, (first?.mode ?? 0) & 0o777], [second?.ino, 2, 0o444]);
    assert.deepEqual((await records("one")).snapshots, []);

    await run("one");
    await run("two");
    assert.deepEqual([await read("one"), await read("two")], ["common", "common"]);
    await Promise.all([write("one", "first"), write("two", "second")]);
    assert.deepEqual([await read("one"), await read("two")], ["first", "second"]);
    await Promise.all([stop("one"), stop("two")]);
    await client.call("machine.remove", { machine: "one" });
    await client.call("machine.emptyTrash", {});
    await run("two");
    assert.equal(await read("two"), "second");
    await stop("two");
    await allClean("two");
  });

  it("are other machines: UUID, MAC, keys, host name, machine-id, and SSH works", async () => {
    await starterMachine(client, "who", { start: true });
    const facts = (name: string) =>
      guest(client, name, "sh", "-c", "cat /etc/machine-id /etc/hostname; cat /sys/class/net/eth0/address /sys/class/dmi/id/product_uuid");
    await write("who", "self");
    const before = (await facts("who")).split("\n");
    await clone("who", "else", { linked: true });
    await run("else");
    const identity = async () => (await home.state("else"))["identity"];
    for (let tries = 0; (await identity()) !== undefined && tries < 200; tries += 1) await new Promise((wake) => setTimeout(wake, 50));
    assert.equal(await identity(), undefined);
    const after = (await facts("else")).split("\n");
    assert.equal(after[1], "else");
    for (const [index, line] of before.entries()) assert.notEqual(after[index], line, `line ${index}`);
    assert.match(after[0] ?? "", /^[0-9a-f]{32}$/);
    // The first one knows nothing of it.
    assert.deepEqual((await facts("who")).split("\n"), before);
    const [one, other] = await Promise.all(
      ["who", "else"].map((name) => readFile(join(home.machineFolder(name), "keys", "host_ed25519.pub"), "utf8")),
    );
    assert.notEqual(one, other);
    const ssh = await client.call("machine.exec", { machine: "else", command: ["cat", "/etc/hostname"], way: "ssh" });
    assert.equal(Buffer.from(ssh.stdoutBase64, "base64").toString().trim(), "else");
    const [first, second] = await Promise.all([definitionOf("who"), definitionOf("else")]);
    assert.notEqual(first.id, second.id);
    assert.notEqual(first.networks[0]?.mac, second.networks[0]?.mac);
  });

  it("of a running machine hold what it had flushed; it runs on, and its layers become one again after a full one", async () => {
    await starterMachine(client, "busy", { start: true });
    await write("busy", "flushed");
    const full = await clone("busy", "full");
    assert.deepEqual([full.linked, full.way], [false, "copy"]);
    assert.equal((await client.call("machine.show", { machine: "busy" })).state, "running");
    assert.deepEqual((await records("busy")).snapshots, []);
    assert.deepEqual(await readdir(join(home.machineFolder("busy"), "layers")), []);
    await write("busy", "later");
    await run("full");
    assert.equal(await read("full"), "flushed");
    assert.equal(await read("busy"), "later");
    // It stands on nothing.
    const info = await runTool("qemu-img", ["info", "-U", "--output=json", join(home.machineFolder("full"), "disk0.qcow2")], home.folder);
    assert.equal("backing-filename" in (JSON.parse(info.stdout) as object), false);
  });

  it("of a snapshot hold what it holds, linked or full, also as a restore into a new machine", async () => {
    await starterMachine(client, "past", { start: true });
    await write("past", "then");
    await client.call("snapshot.create", { machine: "past", name: "s1", memory: false });
    await write("past", "now");
    await clone("past", "then-linked", { snapshot: "s1", linked: true });
    await clone("past", "then-full", { snapshot: "s1" });
    const restored = await client.call("snapshot.restore", { machine: "past", snapshot: "s1", into: "then-restored", start: false });
    assert.deepEqual(restored, { machine: "then-restored", safety: null });
    for (const name of ["then-linked", "then-full", "then-restored"]) {
      await run(name);
      assert.equal(await read(name), "then", name);
      await client.call("machine.kill", { machine: name });
    }
    assert.equal(await read("past"), "now");
    assert.equal(await codeOf(clone("past", "never", { snapshot: "s2" })), "not-found");
  });

  it("of a machine that has not changed since share the same layer, so chains do not grow", async () => {
    await starterMachine(client, "still");
    await clone("still", "still-1", { linked: true });
    const { current } = await records("still");
    await clone("still", "still-2", { linked: true });
    await clone("still", "still-3", { linked: true });
    assert.deepEqual((await records("still")).current, current);
    await clone("still-3", "still-4", { linked: true });
    assert.equal((await readdir(join(home.machineFolder("still-4"), "layers"))).length, 1);
    await run("still-4");
  });

  it("of a suspended machine hold its disks, and it wakes as it was", async () => {
    await starterMachine(client, "asleep", { start: true });
    await write("asleep", "flushed");
    await guest(client, "asleep", "sh", "-c", "echo memory > /run/only-in-memory");
    await client.call("machine.suspend", { machine: "asleep" });
    await clone("asleep", "asleep-linked", { linked: true });
    await clone("asleep", "asleep-full");
    assert.equal((await client.call("machine.show", { machine: "asleep" })).state, "suspended");
    await client.call("machine.start", { machine: "asleep" });
    assert.equal(await guest(client, "asleep", "cat", "/run/only-in-memory"), "memory");
    await write("asleep", "later");
    await stop("asleep");
    for (const name of ["asleep-linked", "asleep-full"]) {
      await run(name);
      assert.equal(await read(name), "flushed", name);
      await client.call("machine.kill", { machine: name });
    }
  });

  it("have what else lies in the folder: boot files, the TPM's state; and no fixed host port", async () => {
    await starterMachine(client, "rich", {
      networks: [{ mode: "nat", forwards: [{ hostPort: 45_871, guestPort: 22 }] }],
      set: ['networks.0.netboot={"directory":"netboot","file":"boot.ipxe"}', "devices.tpm=true"],
    });
    for (const [folder, file] of [
      ["netboot", "boot.ipxe"],
      ["tpm", "tpm2-00.permall"],
    ] as const) {
      await mkdir(join(home.machineFolder("rich"), folder), { recursive: true });
      await writeFile(join(home.machineFolder("rich"), folder, file), folder);
    }
    for (const [name, linked] of [
      ["rich-linked", true],
      ["rich-full", false],
    ] as const) {
      await clone("rich", name, { linked });
      assert.equal(await readFile(join(home.machineFolder(name), "netboot", "boot.ipxe"), "utf8"), "netboot");
      assert.equal(await readFile(join(home.machineFolder(name), "tpm", "tpm2-00.permall"), "utf8"), "tpm");
      assert.doesNotMatch((await client.call("machine.definition", { machine: name })).text, /45871/);
    }
  });

  it("are not made where there is one already, or of what cannot be read", async () => {
    await starterMachine(client, "there");
    assert.equal(await codeOf(clone("there", "there")), "exists");
    assert.equal(await codeOf(clone("there", "Not A Name")), "invalid-name");
    assert.equal(await codeOf(clone("nobody", "x")), "not-found");
    await starterMachine(client, "broken");
    await rm(join(home.machineFolder("broken"), "disk0.qcow2"));
    for (const linked of [true, false]) assert.equal(await codeOf(clone("broken", "of-broken", { linked })), "damaged");
    assert.equal(existsSync(home.machineFolder("of-broken")), false);
  });

  for (const linked of [true, false])
    for (const running of [true, false])
      it(`leave nothing half-made when vivd is killed: ${linked ? "linked" : "full"}, of a ${running ? "running" : "stopped"} machine`, async () => {
        const name = `kill-${linked ? "l" : "f"}-${running ? "r" : "s"}`;
        await starterMachine(client, name, { start: true });
        await write(name, "kept");
        if (!running) await stop(name);
        const steps = [linked ? "linking" : "copying", "putting it in place"];
        if (running) steps.unshift("switching the disks");
        for (const step of steps) {
          const pause = await pauses.at("clone", step);
          const lost = codeOf(clone(name, "half", { linked }));
          await pause.reached();
          await killVivd(home);
          await lost;
          await pause.release();
          client = await home.client();
          const { state, operation } = await client.call("machine.show", { machine: name });
          assert.deepEqual([state, operation], [running ? "running" : "stopped", undefined], step);
          assert.equal(existsSync(home.machineFolder("half")), false, step);
          assert.deepEqual(
            (await readdir(join(home.folder, "machines"))).filter((each) => each.startsWith(".")),
            [],
            step,
          );
          assert.deepEqual((await client.call("snapshot.list", { machine: name })).snapshots, [], step);
        }
        if (!running) await run(name);
        assert.equal(await read(name), "kept");
        await clone(name, `${name}-2`, { linked });
        await stop(name);
        await allClean(name);
      });

  it("are made of shared blocks where the file system can, and share nothing that is written", async () => {
    const [image, folder] = [world.path("xfs.img"), world.path("xfs")];
    await mkdir(folder);
    execFileSync("truncate", ["-s", "400M", image]);
    execFileSync("mkfs.xfs", ["-q", image], { env: { ...process.env, PATH: `${process.env.PATH}:/usr/sbin:/sbin` } });
    execFileSync("mount", ["-o", "loop", image, folder]);
    const onXfs = await testHome({ parent: folder });
    try {
      const own = await onXfs.client();
      await starterMachine(own, "origin", { start: true });
      await guest(own, "origin", "sh", "-c", "dd if=/dev/urandom of=/root/data bs=1M count=40 2>/dev/null; sync");
      const sum = await guest(own, "origin", "sha256sum", "/root/data");
      await own.call("machine.stop", { machine: "origin" });
      const free = () => statfsSync(folder).bavail * statfsSync(folder).bsize;
      const before = free();
      const made = await own.call("machine.clone", { machine: "origin", name: "copy" });
      assert.deepEqual([made.linked, made.way], [false, "reflink"]);
      assert.ok(before - free() < 8 * 1024 ** 2, `${before - free()} bytes`);
      const files = ["origin", "copy"].map((name) => statSync(join(onXfs.machineFolder(name), "disk0.qcow2")));
      assert.notEqual(files[0]?.ino, files[1]?.ino);
      await own.call("machine.remove", { machine: "origin" });
      await own.call("machine.emptyTrash", {});
      await own.call("machine.start", { machine: "copy" });
      await own.call("machine.wait", { machine: "copy", for: "agent", timeoutMs: 120_000 });
      assert.equal(await guest(own, "copy", "sha256sum", "/root/data"), sum);
    } finally {
      await onXfs.dispose();
      execFileSync("umount", ["-l", folder]);
    }
  });

  it("leave nothing when the disk is full", async () => {
    const small = world.path("small");
    await mkdir(small);
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=256m,mode=0700", "tmpfs", small]);
    const tiny = await testHome({ parent: small });
    try {
      const own = await tiny.client();
      await starterMachine(own, "origin");
      const machines = join(tiny.folder, "machines");
      execFileSync("sh", ["-c", `dd if=/dev/zero of=${small}/ballast bs=64k 2>/dev/null; truncate -s -8M ${small}/ballast`]);
      assert.equal(await codeOf(own.call("machine.clone", { machine: "origin", name: "copy" })), "disk-full");
      assert.deepEqual(await readdir(machines), ["origin"]);
      execFileSync("sh", ["-c", `dd if=/dev/zero of=${small}/more bs=4k 2>/dev/null; true`]);
      assert.equal(await codeOf(own.call("machine.clone", { machine: "origin", name: "copy", linked: true })), "disk-full");
      assert.deepEqual(await readdir(machines), ["origin"]);
      await rm(join(small, "ballast"));
      assert.deepEqual((await own.call("snapshot.list", { machine: "origin" })).snapshots, []);
      await own.call("machine.clone", { machine: "origin", name: "copy", linked: true });
    } finally {
      await tiny.dispose();
      execFileSync("umount", ["-l", small]);
    }
  });
});
