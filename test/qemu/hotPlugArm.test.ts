import assert from "node:assert/strict";
import type { VivClient } from "../../src/api/index.ts";
import { until } from "../support/faults.ts";
import { driversLoaded, guest, starterMachine, type TestHome, testHome } from "../support/home.ts";

/** Hot-plugging on the virt board, where the guest's own PCIe driver is asked; and one that does not answer. */
describe("disks that come and go on aarch64", function () {
  this.timeout(600_000);
  let home: TestHome;
  let client: VivClient;
  const machine = "arm";
  const mib = 1024 ** 2;

  before(async () => {
    home = await testHome();
    client = await home.client();
    await starterMachine(client, machine, { architecture: "aarch64" });
    await client.call("machine.start", { machine });
    await client.call("machine.wait", { machine, for: "agent", timeoutMs: 400_000 });
    await driversLoaded(client, machine);
  });
  after(() => home.dispose());

  const shell = (script: string) => guest(client, machine, "sh", "-c", script);
  const deviceOf = (id: string) => shell(`grep -l '^${id}' /sys/block/vd*/serial 2>/dev/null | cut -d/ -f4`);
  const comes = (id: string) => until(`${id} in the guest`, async () => (await deviceOf(id)) || undefined, 120_000);
  const goes = (id: string) => until(`no ${id} in the guest`, async () => (await deviceOf(id)) === "", 120_000);
  const attached = async (id: string) => (await client.call("disk.list", { machine })).find((disk) => disk.id === id)?.attached;

  it("the running guest gets a disk, uses it, sees it grow, and gives it back", async () => {
    assert.equal((await client.call("disk.add", { machine, size: "32M", id: "data" })).attached, true);
    const name = await comes("data");
    await shell(`echo kept | dd of=/dev/${name} bs=512 count=1 conv=sync,fsync 2>/dev/null`);
    await client.call("disk.resize", { machine, disk: "data", size: "48M" });
    await until("48 MiB in the guest", async () => Number(await shell(`cat /sys/block/${name}/size`)) * 512 === 48 * mib);
    await client.call("disk.remove", { machine, disk: "data" });
    await goes("data");
    await client.call("disk.restoreRemoved", { machine, disk: "data" });
    assert.equal(await shell(`dd if=/dev/${await comes("data")} bs=5 count=1 2>/dev/null`), "kept");
  });

  it("one that the guest does not let go of stays and can be used, and goes when it is asked again", async () => {
    const name = await deviceOf("data");
    // The driver of the port's slot goes: nobody in the guest hears the button.
    const slot = await shell(`readlink -f /sys/block/${name} | grep -o '0000:00:[0-9a-f.]*' | head -1`);
    const service = await shell(`cd /sys/bus/pci_express/drivers/pciehp && ls -d ${slot}:pcie*`);
    await shell(`echo ${service} > /sys/bus/pci_express/drivers/pciehp/unbind`);
    await assert.rejects(client.call("disk.remove", { machine, disk: "data" }), {
      code: "timeout",
      message: /did not let go of disk data within 30 s/,
      hint: /viv stop arm/,
    });
    assert.equal(await attached("data"), true);
    assert.equal(
      await shell(`dd if=/dev/${name} bs=5 count=1 iflag=direct 2>/dev/null || dd if=/dev/${name} bs=5 count=1 2>/dev/null`),
      "kept",
    );
    assert.equal((await client.call("machine.show", { machine })).state, "running");
    assert.deepEqual((await client.call("machine.show", { machine })).pendingChanges, []);
    await shell(`echo ${service} > /sys/bus/pci_express/drivers/pciehp/bind`);
    await client.call("disk.remove", { machine, disk: "data", delete: true });
    await goes("data");
  });
});
