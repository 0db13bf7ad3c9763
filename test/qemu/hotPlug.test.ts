import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { VivClient } from "../../src/api/index.ts";
import { until } from "../support/faults.ts";
import { driversLoaded, guest, starterMachine, type TestHome, testHome } from "../support/home.ts";
import { runTool } from "../support/tools.ts";

/** Disks that come and go: on a stopped machine, and on a running guest that sees them at once. */
describe("adding and removing disks", function () {
  this.timeout(300_000);
  let home: TestHome;
  let client: VivClient;
  const machine = "plug";
  const mib = 1024 ** 2;

  before(async () => {
    home = await testHome();
    client = await home.client();
    await starterMachine(client, machine);
    // A comment in vm.json, which every change must keep.
    const file = join(home.machineFolder(machine), "vm.json");
    await writeFile(file, (await readFile(file, "utf8")).replace('"disks"', '// my disks\n  "disks"'));
  });
  after(() => home.dispose());

  const vmJson = () => readFile(join(home.machineFolder(machine), "vm.json"), "utf8");
  const ids = async () => (await client.call("disk.list", { machine })).map(({ id }) => id);
  const pending = async () => (await client.call("machine.show", { machine })).pendingChanges;

  /** `serial bytes pci-address` of each virtio disk the guest has. */
  async function inGuest(): Promise<Map<string, { bytes: number; address: string; name: string }>> {
    const text = await guest(
      client,
      machine,
      "sh",
      "-c",
      'for d in /sys/block/vd*; do echo "$(cat $d/serial) $(cat $d/size) $(readlink $d | grep -o "pci0000:00/[^v]*" | sed s,/$,,) $(basename $d)"; done',
    );
    const rows = text.split("\n").map((line) => line.split(" "));
    return new Map(
      rows.map(([serial = "", sectors, address = "", name = ""]) => [serial, { bytes: Number(sectors) * 512, address, name }]),
    );
  }
  const guestHas = (serial: string) => until(`${serial} in the guest`, async () => (await inGuest()).get(serial));
  const guestHasNot = (serial: string) => until(`no ${serial} in the guest`, async () => !(await inGuest()).has(serial));

  it("a stopped machine gets an empty disk; vm.json keeps its comments", async () => {
    const added = await client.call("disk.add", { machine, size: "64M" });
    assert.equal(added.id, "disk1");
    assert.equal(added.virtualBytes, 64 * mib);
    assert.equal(added.attached, false);
    assert.ok(added.allocatedBytes < mib);
    assert.match(await vmJson(), /\/\/ my disks/);
    assert.deepEqual(await ids(), ["disk0", "disk1"]);
    const checked = await runTool("qemu-img", ["check", "-q", "-f", "qcow2", "disk1.qcow2"], home.machineFolder(machine));
    assert.equal(checked.exitCode, 0, checked.stderr);
  });

  it("the running guest gets one too, writes to it, and loses nothing", async () => {
    await client.call("machine.start", { machine });
    await client.call("machine.wait", { machine, for: "agent", timeoutMs: 180_000 });
    await driversLoaded(client, machine);
    const added = await client.call("disk.add", { machine, size: "32M", id: "data" });
    assert.equal(added.attached, true);
    assert.deepEqual(await pending(), []);
    const seen = await guestHas("data");
    assert.equal(seen.bytes, 32 * mib);
    await guest(client, machine, "sh", "-c", `echo kept | dd of=/dev/${seen.name} bs=512 count=1 conv=sync,fsync 2>/dev/null`);
  });

  it("it sits at the same place after suspend and wake, and after a cold start, with its content", async () => {
    const before = await guestHas("data");
    await client.call("machine.suspend", { machine });
    await assert.rejects(client.call("disk.add", { machine, size: "1M" }), { code: "wrong-state", message: /suspended/ });
    await client.call("machine.start", { machine });
    const woken = await guestHas("data");
    assert.equal(woken.address, before.address);
    assert.equal(await guest(client, machine, "sh", "-c", `dd if=/dev/${woken.name} bs=5 count=1 2>/dev/null`), "kept");
    await client.call("machine.kill", { machine });
    await client.call("machine.start", { machine });
    await client.call("machine.wait", { machine, for: "agent", timeoutMs: 180_000 });
    await driversLoaded(client, machine);
    const cold = await guestHas("data");
    assert.equal(cold.address, before.address);
    assert.equal(await guest(client, machine, "sh", "-c", `dd if=/dev/${cold.name} bs=5 count=1 2>/dev/null`), "kept");
  });

  it("grows under the running guest, which sees its new size; never shrinks", async () => {
    const grown = await client.call("disk.resize", { machine, disk: "data", size: "48M" });
    assert.equal(grown.virtualBytes, 48 * mib);
    await until("48 MiB in the guest", async () => (await inGuest()).get("data")?.bytes === 48 * mib);
    assert.equal((await client.call("disk.resize", { machine, disk: "data", size: "+16M" })).virtualBytes, 64 * mib);
    await assert.rejects(client.call("disk.resize", { machine, disk: "data", size: "32M" }), {
      code: "usage",
      message: /never made smaller/,
      hint: /viv disk add/,
    });
  });

  it("fills the four ports with disks of two kinds, and says so of a fifth", async () => {
    for (const [id, bus] of [
      ["b", "nvme"],
      ["c", "virtio"],
      ["d", "virtio"],
    ] as const)
      await client.call("disk.add", { machine, size: "8M", id, bus });
    await guestHas("d");
    assert.match(await guest(client, machine, "sh", "-c", "until ls /sys/block | grep nvme; do sleep 0.2; done"), /nvme0n1/);
    await assert.rejects(client.call("disk.add", { machine, size: "8M" }), { code: "wrong-state", message: /All 4 hot-plug ports/ });
    await assert.rejects(client.call("disk.add", { machine, size: "8M", bus: "sata" }), { code: "host-cannot" });
    await assert.rejects(client.call("disk.add", { machine, size: "8M", bus: "scsi" }), {
      code: "wrong-state",
      message: /SCSI controller/,
    });
    for (const disk of ["b", "c", "d"]) await client.call("disk.remove", { machine, disk, delete: true });
    await guestHasNot("d");
    assert.deepEqual(await ids(), ["disk0", "disk1", "data"]);
    assert.ok(!existsSync(join(home.machineFolder(machine), "d.qcow2")));
  });

  it("goes to the trash while the guest runs, and comes back with its content", async () => {
    const { freedBytes } = await client.call("disk.remove", { machine, disk: "data" });
    assert.equal(freedBytes, 0);
    await guestHasNot("data");
    assert.deepEqual(await ids(), ["disk0", "disk1"]);
    assert.deepEqual(await pending(), []);
    assert.ok(!existsSync(join(home.machineFolder(machine), "data.qcow2")));
    const [removed] = await client.call("disk.trash", { machine });
    assert.equal(removed?.disk, "data");
    assert.ok((removed?.bytes ?? 0) > 0);
    await client.call("disk.restoreRemoved", { machine, disk: "data" });
    const back = await guestHas("data");
    assert.equal(await guest(client, machine, "sh", "-c", `dd if=/dev/${back.name} bs=5 count=1 2>/dev/null`), "kept");
    assert.deepEqual(await client.call("disk.trash", { machine }), []);
  });

  it("one the guest uses is kept by the guest or given up, never half", async () => {
    await assert.rejects(client.call("disk.remove", { machine, disk: "disk0" }), { code: "wrong-state", message: /runs from disk disk0/ });
    await assert.rejects(client.call("disk.remove", { machine, disk: "disk1" }), { code: "wrong-state", hint: /viv stop/ });
    await assert.rejects(client.call("disk.remove", { machine, disk: "nobody" }), { code: "not-found", hint: /disk0, disk1, data/ });
    await client.call("machine.pause", { machine });
    await assert.rejects(client.call("disk.remove", { machine, disk: "data" }), { code: "wrong-state", message: /paused/ });
    await client.call("machine.resume", { machine });
  });

  it("one the guest ejects by itself is noticed, can be removed, and comes back", async () => {
    await client.call("machine.start", { machine });
    await client.call("machine.wait", { machine, for: "agent", timeoutMs: 180_000 });
    const notices: string[] = [];
    const stop = client.onEvent((event) => event.event === "machine.notice" && notices.push(event.message));
    await client.call("disk.add", { machine, size: "8M", id: "own" });
    await guestHas("own");
    const eject =
      'd=$(grep -l "^own" /sys/block/vd*/serial); a=$(readlink -f $d | grep -o "0000:0[1-9]:00" | tail -1); grep -l "$a" /sys/bus/pci/slots/*/address | while read f; do echo 0 > $(dirname $f)/power; done';
    await guest(client, machine, "sh", "-c", eject);
    await until("the machine without it", async () => {
      const own = (await client.call("disk.list", { machine })).find(({ id }) => id === "own");
      return own?.attached === false;
    });
    // Said when its files are let go of, a moment after the list knows.
    await until("somebody says so", async () => notices.some((text) => /let go of disk own/.test(text)));
    stop();
    assert.ok((await pending()).some((path) => path.startsWith("disks")));
    await client.call("disk.remove", { machine, disk: "own" });
    assert.deepEqual(await pending(), []);
    await client.call("disk.restoreRemoved", { machine, disk: "own" });
    await guestHas("own");
    await client.call("disk.remove", { machine, disk: "own", delete: true });
    await guestHasNot("own");
  });

  it("one in the middle goes from a stopped machine, and the others stay where they were", async () => {
    const before = await inGuest();
    await client.call("machine.stop", { machine });
    await client.call("disk.remove", { machine, disk: "disk1" });
    await client.call("disk.add", { machine, size: "16M", id: "late" });
    await client.call("machine.start", { machine });
    await client.call("machine.wait", { machine, for: "agent", timeoutMs: 180_000 });
    await driversLoaded(client, machine);
    const now = await inGuest();
    assert.equal(now.get("data")?.address, before.get("data")?.address);
    assert.equal(now.get("disk0")?.address, before.get("disk0")?.address);
    assert.equal(now.get("late")?.bytes, 16 * mib);
    assert.match(await vmJson(), /\/\/ my disks/);
    await client.call("machine.kill", { machine });
    assert.ok((await client.call("disk.emptyTrash", { machine })).freedBytes > 0);
  });

  it("SCSI disks come and go without a port, those the machine started with too", async () => {
    await starterMachine(client, "scsi");
    await client.call("disk.add", { machine: "scsi", size: "8M", bus: "scsi", id: "cold" });
    await client.call("machine.start", { machine: "scsi" });
    await client.call("machine.wait", { machine: "scsi", for: "agent", timeoutMs: 180_000 });
    await driversLoaded(client, "scsi");
    const sizes = () => guest(client, "scsi", "sh", "-c", "cat /sys/block/sd*/size 2>/dev/null");
    await until("one SCSI disk", async () => (await sizes()) === "16384");
    const added = await client.call("disk.add", { machine: "scsi", size: "16M", bus: "scsi", id: "hot" });
    assert.equal(added.attached, true);
    await until("two SCSI disks", async () => (await sizes()) === "16384\n32768");
    await client.call("disk.remove", { machine: "scsi", disk: "cold" });
    await until("the second one alone", async () => (await sizes()) === "32768");
    await client.call("machine.kill", { machine: "scsi" });
    assert.deepEqual(
      (await client.call("disk.list", { machine: "scsi" })).map(({ id }) => id),
      ["disk0", "hot"],
    );
  });

  it("an image of the store can be checked while other machines stand on it", async () => {
    await client.call("machine.start", { machine: "scsi" });
    assert.equal((await client.call("disk.check", { machine, disk: "disk0" })).sound, true);
    await client.call("machine.kill", { machine: "scsi" });
  });
});
