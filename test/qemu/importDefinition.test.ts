import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { copyFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { VivClient } from "../../src/api/index.ts";
import { type TestHome, testHome } from "../support/home.ts";
import { withLibvirt } from "../support/libvirt.ts";
import { bootCd } from "../support/media.ts";
import { runTool } from "../support/tools.ts";
import { makeWorld, type World } from "./world.ts";

describe("machines of other managers", function () {
  this.timeout(300_000);
  let world: World;
  let home: TestHome;
  let client: VivClient;

  before(async () => {
    world = await makeWorld();
    home = await testHome();
    client = await home.client();
    await copyFile(await bootCd("x86_64"), world.path("system.img"));
  });
  after(async () => {
    await home.dispose();
    await world.dispose();
  });

  it("come from what virsh dumpxml says of a domain, and boot", async () => {
    const name = `vivarium-import-${process.pid}`;
    const xml = world.path("domain.xml");
    await writeFile(
      xml,
      `<domain type='qemu'><name>${name}</name><memory unit='MiB'>256</memory><vcpu>1</vcpu><os><type arch='x86_64' machine='q35'>hvm</type><boot dev='hd'/></os><features><acpi/></features>
<devices><disk type='file' device='disk'><driver name='qemu' type='raw'/><source file='${world.path("system.img")}'/><target dev='sda' bus='sata'/></disk>
<interface type='user'><mac address='52:54:00:01:02:03'/><model type='e1000e'/></interface><sound model='ich9'/></devices></domain>`,
    );
    await withLibvirt(async (virsh) => {
      virsh("define", xml);
      try {
        await writeFile(xml, virsh("dumpxml", name));
      } finally {
        virsh("undefine", name);
      }
    });
    const made = await client.call("machine.import", { file: xml, name: "from-libvirt" });
    assert.match(made.notes.join("\n"), /was a machine of libvirt[\s\S]*sound/);
    const shown = await client.call("machine.show", { machine: "from-libvirt" });
    assert.deepEqual([shown.cpus, shown.memoryBytes, shown.firmware], [1, 256 * 1024 ** 2, "bios"]);
    assert.deepEqual([shown.networks[0]?.mac, shown.networks[0]?.model, shown.disks[0]?.bus], ["52:54:00:01:02:03", "e1000e", "sata"]);
    await client.call("machine.start", { machine: "from-libvirt" });
    await client.call("machine.wait", { machine: "from-libvirt", for: "serial:starter guest: a small Linux", timeoutMs: 200_000 });
    await client.call("machine.kill", { machine: "from-libvirt" });
  });

  it("come from a .vbox file beside its disk, by viv", async () => {
    const { exitCode, stderr } = await runTool("qemu-img", ["convert", "-f", "raw", "-O", "vdi", "system.img", "Web.vdi"], world.folder);
    assert.equal(exitCode, 0, stderr);
    await writeFile(
      world.path("Web.vbox"),
      `<?xml version="1.0"?><VirtualBox xmlns="http://www.virtualbox.org/" version="1.19-linux"><Machine uuid="{1a}" name="Web" OSType="Debian_64">
<MediaRegistry><HardDisks><HardDisk uuid="{d1}" location="Web.vdi" format="VDI" type="Normal"/></HardDisks></MediaRegistry>
<Hardware><CPU count="1"/><Memory RAMSize="192"/><StorageControllers><StorageController name="SATA" type="AHCI"><AttachedDevice type="HardDisk" port="0"><Image uuid="{d1}"/></AttachedDevice>
<AttachedDevice type="DVD" port="1"><Image uuid="{gone}"/></AttachedDevice></StorageController></StorageControllers></Hardware></Machine></VirtualBox>`,
    );
    const viv = join(import.meta.dirname, "..", "..", "src", "cli", "viv.ts");
    const printed = execFileSync(process.execPath, [viv, "import", world.path("Web.vbox"), "from-vbox", "--json"], {
      env: home.environment,
      encoding: "utf8",
    });
    const made = JSON.parse(printed) as { notes: string[] };
    assert.match(made.notes.join("\n"), /was a machine of VirtualBox/);
    const shown = await client.call("machine.show", { machine: "from-vbox" });
    assert.deepEqual([shown.memoryBytes, shown.disks[0]?.bus, shown.networks.length], [192 * 1024 ** 2, "sata", 0]);
  });

  it("leave nothing behind when a disk is not there or leans on another", async () => {
    const domain = (file: string) =>
      `<domain type='qemu'><os><type arch='x86_64'>hvm</type></os><devices><disk type='file' device='disk'><driver type='qcow2'/><source file='${file}'/><target dev='vda' bus='virtio'/></disk></devices></domain>`;
    await writeFile(world.path("gone.xml"), domain(world.path("gone.qcow2")));
    await assert.rejects(client.call("machine.import", { file: world.path("gone.xml"), name: "gone" }), {
      code: "not-found",
      message: /gone\.qcow2/,
    });
    await runTool("qemu-img", ["create", "-q", "-f", "qcow2", "-b", "system.img", "-F", "raw", "child.qcow2"], world.folder);
    await writeFile(world.path("child.xml"), domain(world.path("child.qcow2")));
    await assert.rejects(client.call("machine.import", { file: world.path("child.xml"), name: "child" }), {
      code: "untrusted-input",
      hint: /qemu-img convert/,
    });
    const names = (await client.call("machine.list", {})).map((machine) => machine.name);
    assert.deepEqual(names.sort(), ["from-libvirt", "from-vbox"]);
  });
});
