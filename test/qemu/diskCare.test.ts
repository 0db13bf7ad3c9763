import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { copyFile, open, readdir, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { DiskDetails, VivClient } from "../../src/api/index.ts";
import { until } from "../support/faults.ts";
import { driversLoaded, starterMachine, type TestHome, testHome } from "../support/home.ts";
import { addLeak } from "../support/qcow2Leak.ts";
import { runTool } from "../support/tools.ts";

/** Sizes, checks, compaction, limits and the CD-ROM drive of one starter machine. */
describe("a machine's disks", function () {
  this.timeout(300_000);
  let home: TestHome;
  let client: VivClient;
  const machine = "care";
  const mib = 1024 ** 2;

  before(async () => {
    home = await testHome();
    client = await home.client();
    await starterMachine(client, machine, { set: ["cdrom={}"] });
    await client.call("disk.add", { machine, size: "256M", id: "data" });
  });
  after(() => home.dispose());

  const file = (name: string) => join(home.machineFolder(machine), name);
  async function sh(script: string): Promise<string> {
    const ended = await client.call("machine.exec", { machine, command: ["sh", "-c", script], way: "agent" });
    assert.equal(ended.exitCode, 0, `${script}: ${Buffer.from(ended.stderrBase64, "base64")}`);
    return Buffer.from(ended.stdoutBase64, "base64").toString().trim();
  }
  async function boot(): Promise<void> {
    await client.call("machine.start", { machine });
    await client.call("machine.wait", { machine, for: "agent", timeoutMs: 180_000 });
    await driversLoaded(client, machine);
  }
  async function disk(id: string): Promise<DiskDetails> {
    const found = (await client.call("disk.list", { machine })).find((each) => each.id === id);
    assert.ok(found, `no disk ${id}`);
    return found;
  }
  async function tool(...args: string[]): Promise<string> {
    const outcome = await runTool("qemu-img", args, home.machineFolder(machine));
    assert.equal(outcome.exitCode, 0, outcome.stderr);
    return outcome.stdout;
  }

  it("are listed layer by layer, with what the image of the store holds as shared", async () => {
    const disk0 = await disk("disk0");
    assert.equal(disk0.layers.length, 2);
    assert.equal(disk0.layers[0]?.file, "disk0.qcow2");
    assert.equal(disk0.layers[0]?.shared, false);
    assert.equal(disk0.layers[1]?.shared, true);
    assert.match(disk0.layers[1]?.file ?? "", /^\/.*images\/starter/);
    assert.equal(disk0.sharedBytes, disk0.layers[1]?.allocatedBytes);
    assert.equal(
      disk0.allocatedBytes,
      disk0.layers.reduce((sum, layer) => sum + layer.allocatedBytes, 0),
    );
    const info = JSON.parse(await tool("info", "--output=json", "-f", "qcow2", "disk0.qcow2")) as Record<string, number>;
    assert.equal(disk0.virtualBytes, info["virtual-size"]);
    assert.equal(disk0.layers[0]?.allocatedBytes, info["actual-size"]);
    assert.equal(disk0.problem, undefined);
  });

  it("grow while the machine is off; a smaller size and nonsense are refused with the way out", async () => {
    assert.equal((await client.call("disk.resize", { machine, disk: "data", size: "320M" })).virtualBytes, 320 * mib);
    const info = JSON.parse(await tool("info", "--output=json", "-f", "qcow2", "data.qcow2")) as Record<string, number>;
    assert.equal(info["virtual-size"], 320 * mib);
    await assert.rejects(client.call("disk.resize", { machine, disk: "data", size: "64M" }), { code: "usage", hint: /smaller disk/ });
    for (const size of ["", "big", "-5G", "0", "1000", "100P", "70T", "+0"])
      await assert.rejects(client.call("disk.resize", { machine, disk: "data", size }), { code: "usage" }, size);
    await assert.rejects(client.call("disk.resize", { machine, disk: "gone", size: "1G" }), { code: "not-found" });
    assert.equal((await disk("data")).virtualBytes, 320 * mib);
  });

  it("are refused when what is asked for makes no disk", async () => {
    const add = (request: object) => client.call("disk.add", { machine, ...request } as { machine: string });
    const before = await readdir(home.machineFolder(machine));
    await assert.rejects(add({}), { code: "usage" });
    await assert.rejects(add({ size: "1G", file: "/x" }), { code: "usage" });
    await assert.rejects(add({ size: "511" }), { code: "usage" });
    await assert.rejects(add({ size: "1G", id: "data" }), { code: "exists" });
    for (const id of ["Data", "../up", "a b", "-x", "x".repeat(35)]) await assert.rejects(add({ size: "1G", id }), { code: "usage" }, id);
    await assert.rejects(add({ file: "/nowhere/at-all.qcow2" }), { code: "not-found" });
    await assert.rejects(add({ file: home.machineFolder(machine) }), { code: "usage" });
    await assert.rejects(add({ file: "relative.qcow2" }), { code: "usage" });
    // An overlay points at other files of the host: never taken in.
    await tool("create", "-q", "-u", "-f", "qcow2", "-F", "raw", "-b", "/etc/passwd", join(home.folder, "evil.qcow2"), "1M");
    await assert.rejects(add({ file: join(home.folder, "evil.qcow2") }), { code: "untrusted-input" });
    await writeFile(join(home.folder, "text.vmdk"), "not an image at all\n".repeat(100));
    await assert.rejects(add({ file: join(home.folder, "text.vmdk") }), { code: "untrusted-input" });
    assert.deepEqual(await readdir(home.machineFolder(machine)), before);
  });

  it("are made from image files of other formats, byte for byte", async () => {
    const content = Buffer.alloc(3 * mib, "vivarium ");
    await writeFile(join(home.folder, "source.img"), content);
    for (const format of ["vmdk", "vdi", "qcow2", "vhdx", "vpc"]) {
      const image = join(home.folder, `source.${format}`);
      await tool("convert", "-f", "raw", "-O", format, join(home.folder, "source.img"), image);
      const added = await client.call("disk.add", { machine, file: image, id: `from-${format}` });
      await tool("convert", "-f", "qcow2", "-O", "raw", file(added.layers[0]?.file ?? ""), join(home.folder, "back.img"));
      const back = await readFile(join(home.folder, "back.img"));
      assert.ok(back.subarray(0, content.length).equals(content), format);
      await client.call("disk.remove", { machine, disk: added.id, delete: true });
    }
  });

  it("are checked layer by layer, repaired on demand, and start again", async () => {
    assert.deepEqual(await client.call("disk.check", { machine, disk: "disk0" }), {
      sound: true,
      corruptions: 0,
      leaks: 0,
      repaired: false,
    });
    await client.call("disk.add", { machine, size: "8M", id: "leaky" });
    await addLeak(file("leaky.qcow2"));
    const found = await client.call("disk.check", { machine, disk: "leaky" });
    assert.deepEqual(found, { sound: true, corruptions: 0, leaks: 1, repaired: false });
    assert.deepEqual(await client.call("disk.check", { machine, disk: "leaky", repair: "leaks" }), {
      sound: true,
      corruptions: 0,
      leaks: 0,
      repaired: true,
    });
    // Marked as corrupt by QEMU: does not start until it was repaired.
    const marked = await open(file("leaky.qcow2"), "r+");
    await marked.write(Buffer.of(2), 0, 1, 79);
    await marked.close();
    await assert.rejects(client.call("machine.start", { machine }), { code: "damaged", hint: /viv disk check/ });
    assert.equal((await disk("leaky")).problem, undefined);
    assert.equal((await client.call("disk.check", { machine, disk: "leaky" })).sound, false);
    const repaired = await client.call("disk.check", { machine, disk: "leaky", repair: "all" });
    assert.equal(repaired.sound, true);
    assert.equal(repaired.repaired, true);
    await client.call("disk.remove", { machine, disk: "leaky", delete: true });
  });

  describe("while it runs", () => {
    before(boot);

    it("give space back when the guest trims; off, the layer is rewritten with the same content over the same image", async () => {
      await sh(
        "mke2fs /dev/vdb >/dev/null && mkdir -p /data && mount /dev/vdb /data && dd if=/dev/urandom of=/data/big bs=1M count=96 2>/dev/null && echo keep > /data/small && sync && rm /data/big && sync",
      );
      const trimmed = await client.call("disk.compact", { machine, disk: "data" });
      assert.ok(trimmed.beforeBytes - trimmed.afterBytes > 80 * mib, JSON.stringify(trimmed));
      // Without a discard the blocks stay until the layer is rewritten; the root disk has a backing image.
      await sh("dd if=/dev/urandom of=/root/rubbish bs=1M count=16 2>/dev/null; echo root > /root/keep; sync; rm /root/rubbish; sync");
      await assert.rejects(client.call("disk.check", { machine, disk: "data" }), { code: "wrong-state", hint: /viv stop/ });
      await client.call("machine.stop", { machine });
      const before = await tool("info", "--output=json", "-f", "qcow2", "disk0.qcow2");
      // Clusters that nobody uses, as an interrupted write leaves them.
      await writeFile(file("disk0.qcow2"), Buffer.alloc(4 * mib, 1), { flag: "a" });
      await copyFile(file("disk0.qcow2"), file("before.img"));
      const compacted = await client.call("disk.compact", { machine, disk: "disk0" });
      console.log(
        `      trimmed ${trimmed.beforeBytes} -> ${trimmed.afterBytes} bytes, rewritten ${compacted.beforeBytes} -> ${compacted.afterBytes}`,
      );
      // Also what the guest discarded over the image below: it must not shine through.
      await tool("compare", "-q", "-f", "qcow2", "-F", "qcow2", "before.img", "disk0.qcow2");
      assert.ok(compacted.beforeBytes - compacted.afterBytes >= 3 * mib, JSON.stringify(compacted));
      assert.equal(compacted.afterBytes, (await stat(file("disk0.qcow2"))).blocks * 512);
      const after = JSON.parse(await tool("info", "--output=json", "-f", "qcow2", "disk0.qcow2")) as Record<string, unknown>;
      const was = JSON.parse(before) as Record<string, unknown>;
      for (const key of ["virtual-size", "backing-filename", "backing-filename-format", "cluster-size"])
        assert.equal(after[key], was[key], key);
      await tool("check", "-q", "-f", "qcow2", "disk0.qcow2");
      assert.ok(!existsSync(file("disk0.qcow2.compact")));
      assert.equal((await client.call("disk.check", { machine, disk: "disk0" })).sound, true);
      await boot();
      assert.equal(await sh("cat /root/keep; mkdir -p /data; mount /dev/vdb /data; cat /data/small; umount /data"), "root\nkeep");
    });

    it("take no space for zeroes the guest writes, and give back what they overwrite", async () => {
      await sh("dd if=/dev/urandom of=/dev/vdb bs=1M seek=200 count=16 conv=notrunc,fsync 2>/dev/null");
      const before = (await disk("data")).allocatedBytes;
      await sh("dd if=/dev/zero of=/dev/vdb bs=1M seek=200 count=48 conv=notrunc,fsync 2>/dev/null");
      const after = (await disk("data")).allocatedBytes;
      assert.ok(before - after > 14 * mib, `${before} bytes before, ${after} after`);
      assert.equal(await sh("dd if=/dev/vdb bs=1M skip=205 count=1 2>/dev/null | tr -d '\\000' | wc -c"), "0");
    });

    it("are slowed down and freed again at once, and stay slow over a restart", async () => {
      const write = async () => {
        const started = performance.now();
        await sh("dd if=/dev/zero of=/dev/vdb bs=1M count=8 conv=fsync 2>/dev/null");
        return performance.now() - started;
      };
      await write();
      const free = await write();
      const limited = await client.call("disk.limit", { machine, disk: "data", limits: { writeBytesPerSecond: 2 * mib } });
      assert.equal(limited.limits.writeBytesPerSecond, 2 * mib);
      const slow = await write();
      // 8 MiB at 2 MiB/s are 4 s, less what may go in one burst.
      assert.ok(slow > 2500 && slow > free + 1500, `${free} ms free, ${slow} ms limited`);
      assert.deepEqual((await client.call("machine.show", { machine })).pendingChanges, []);
      await client.call("machine.kill", { machine });
      await boot();
      const again = await write();
      assert.ok(again > 2500, `${again} ms after a restart`);
      console.log(`      8 MiB: ${Math.round(free)} ms free, ${Math.round(slow)} ms at 2 MiB/s, ${Math.round(again)} ms after a restart`);
      await client.call("disk.limit", { machine, disk: "data", limits: { writeBytesPerSecond: 0 } });
      const freed = await write();
      assert.ok(freed < slow / 2, `${freed} ms freed, ${slow} ms limited`);
      assert.doesNotMatch(await readFile(file("vm.json"), "utf8"), /limits/);
      // The same by an edit of vm.json, as the settings form makes it.
      await client.call("machine.set", { machine, set: [`disks.1.limits.writeBytesPerSecond=${2 * mib}`] });
      await until("no change that waits", async () => (await client.call("machine.show", { machine })).pendingChanges.length === 0);
      const edited = await write();
      assert.ok(edited > 2500, `${edited} ms after an edit`);
      await client.call("machine.set", { machine, set: ["disks.1.limits="] });
      await until("no limit", async () => (await client.call("machine.show", { machine })).pendingChanges.length === 0);
      await assert.rejects(client.call("disk.limit", { machine, disk: "data", limits: { readsPerSecond: 2e15 } }), { code: "usage" });
    });

    it("have a CD-ROM drive whose medium changes under the guest", async () => {
      const iso = async (name: string, mark: string) => {
        const content = Buffer.alloc(64 * 1024);
        content.write(mark, 0);
        content.write("\x01CD001\x01", 32_768, "latin1");
        await writeFile(join(home.folder, name), content);
        return join(home.folder, name);
      };
      const [one, two] = [await iso("one, a.iso", "first"), await iso("two.iso", "second")];
      const read = () =>
        until("a medium in the guest", () => sh("dd if=/dev/sr0 bs=16 count=1 2>/dev/null | tr -cd a-z").then((text) => text || undefined));
      assert.deepEqual(await client.call("media.show", { machine }), { drive: true, file: null, locked: false, needsRestart: false });
      assert.equal((await client.call("media.insert", { machine, file: one })).file, one);
      assert.equal(await read(), "first");
      assert.equal((await client.call("media.insert", { machine, file: two })).file, two);
      await until("the second one", async () => (await read()) === "second");
      assert.deepEqual((await client.call("machine.show", { machine })).pendingChanges, []);
      // Held by the guest: asked first, taken only by force.
      await sh("exec 3</dev/sr0; sleep 1000 <&3 >/dev/null 2>&1 &");
      await until("a tray that the guest holds", async () => (await client.call("media.show", { machine })).locked);
      await assert.rejects(client.call("media.eject", { machine }), { code: "locked", hint: /--force/ });
      assert.equal((await client.call("media.show", { machine })).file, two);
      assert.equal((await client.call("media.eject", { machine, force: true })).file, null);
      await assert.rejects(client.call("media.insert", { machine, file: file("vm.json") }), { code: "usage", message: /not an ISO/ });
      await assert.rejects(client.call("media.insert", { machine, file: "/nowhere.iso" }), { code: "not-found" });
      await client.call("media.insert", { machine, file: one });
      await client.call("machine.suspend", { machine });
      await assert.rejects(client.call("media.eject", { machine }), { code: "wrong-state" });
      await client.call("machine.start", { machine });
      assert.equal((await client.call("media.show", { machine })).file, one);
      assert.equal(await read(), "first");
      await client.call("machine.kill", { machine });
      assert.equal((await client.call("media.eject", { machine })).file, null);
    });

    it("come without a drive where none was asked for: the next start brings it", async () => {
      await starterMachine(client, "bare");
      await client.call("machine.start", { machine: "bare" });
      await assert.rejects(client.call("media.eject", { machine: "bare" }), { code: "wrong-state" });
      const inserted = await client.call("media.insert", { machine: "bare", file: join(home.folder, "two.iso") });
      assert.deepEqual(inserted, { drive: false, file: join(home.folder, "two.iso"), locked: false, needsRestart: true });
      await client.call("machine.kill", { machine: "bare" });
      await client.call("machine.start", { machine: "bare" });
      assert.equal((await client.call("media.show", { machine: "bare" })).drive, true);
      await client.call("machine.kill", { machine: "bare" });
    });
  });
});
