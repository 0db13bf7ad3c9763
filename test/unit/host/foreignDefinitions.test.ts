import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { asForeign, readForeignDefinition } from "../../../src/host/transfer/definitions/index.ts";
import { Definition } from "../../../src/model/index.ts";

const libvirt = `<?xml version='1.0'?>
<domain type='kvm'>
  <name>build-1</name><uuid>4dea22b3-1d52-d8f3-2516-782e98ab3fa0</uuid><title>builder</title>
  <memory unit='KiB'>2097152</memory><currentMemory unit='KiB'>1048576</currentMemory><vcpu placement='static'>4</vcpu>
  <os firmware='efi'><type arch='x86_64' machine='pc-q35-7.2'>hvm</type><loader secure='yes'/><boot dev='network'/><boot dev='hd'/></os>
  <cpu mode='host-passthrough'/><cputune><vcpupin vcpu='0' cpuset='1'/></cputune>
  <devices>
    <disk type='file' device='disk'><driver name='qemu' type='qcow2'/><source file='/srv/a.qcow2'/><target dev='vda' bus='virtio'/></disk>
    <disk type='file' device='disk'><driver name='qemu' type='raw'/><source file='/srv/b.img'/><target dev='sda' bus='ide'/><readonly/></disk>
    <disk type='block' device='disk'><source dev='/dev/sdz'/><target dev='vdb' bus='virtio'/></disk>
    <disk type='file' device='cdrom'><target dev='sdb' bus='sata'/></disk>
    <interface type='bridge'><mac address='52:54:00:AA:BB:CC'/><source bridge='br0'/><model type='virtio'/></interface>
    <interface type='user'><mac address='01:00:5e:00:00:01'/><model type='rtl8139'/><link state='down'/><backend type='passt'/><portForward proto='tcp'><range start='2022' to='22'/></portForward></interface>
    <graphics type='vnc'/><video><model type='virtio'/></video><tpm model='tpm-crb'/><sound model='ich9'/><filesystem/><hostdev/><hostdev/>
  </devices>
</domain>`;

const virtualBox = `<?xml version="1.0"?>
<VirtualBox xmlns="http://www.virtualbox.org/" version="1.19-linux">
  <Machine uuid="{1a}" name="Web" OSType="Debian_64" snapshotFolder="Snapshots">
    <Description>the web server</Description>
    <MediaRegistry><HardDisks><HardDisk uuid="{d1}" location="Web.vdi" format="VDI" type="Normal"/></HardDisks>
      <DVDImages><Image uuid="{c1}" location="/isos/debian.iso"/></DVDImages></MediaRegistry>
    <Hardware><CPU count="2"/><Memory RAMSize="1024"/><Firmware type="EFI"/>
      <Boot><Order position="2" device="HardDisk"/><Order position="1" device="DVD"/><Order position="3" device="None"/></Boot>
      <Network><Adapter slot="0" enabled="true" MACAddress="0800273C6B0A" type="82540EM"><DisabledModes><InternalNetwork name="i"/></DisabledModes>
          <NAT><Forwarding name="ssh" proto="1" hostip="0.0.0.0" hostport="2222" guestport="22"/></NAT></Adapter>
        <Adapter slot="1" enabled="true" MACAddress="080027000002" cable="false" type="virtio"><HostOnlyInterface name="vboxnet0"/></Adapter>
        <Adapter slot="2" enabled="false"/></Network>
      <SharedFolders><SharedFolder name="src" hostPath="/home/ada/src"/></SharedFolders><AudioAdapter enabled="true"/>
      <StorageControllers><StorageController name="SATA" type="AHCI">
        <AttachedDevice type="HardDisk" port="0"><Image uuid="{d1}"/></AttachedDevice>
        <AttachedDevice type="DVD" port="1"><Image uuid="{c1}"/></AttachedDevice></StorageController></StorageControllers>
    </Hardware>
  </Machine>
</VirtualBox>`;

describe("definitions of other managers", () => {
  let folder: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "viv-foreign-"));
  });
  after(() => rm(folder, { recursive: true, force: true }));

  async function read(text: string, name = "machine.xml") {
    const file = join(folder, name);
    await writeFile(file, text);
    return readForeignDefinition(file);
  }

  const base = Definition.parse({
    schema: 1,
    id: "00000000-0000-4000-8000-000000000001",
    name: "here",
    architecture: "x86_64",
    machineType: "pc-q35-10.0",
    cpus: 2,
    memory: "1G",
    firmware: { type: "bios" },
    disks: [
      { id: "disk0", file: "disk0.qcow2" },
      { id: "disk1", file: "disk1.qcow2" },
    ],
  });

  it("takes from libvirt what it can, and says what it left", async () => {
    const machine = await read(libvirt);
    assert.ok(machine);
    assert.deepEqual(
      { cpus: machine.cpus, memory: machine.memoryBytes, firmware: machine.firmware, tpm: machine.tpm, note: machine.note },
      { cpus: 4, memory: 2 * 1024 ** 3, firmware: "uefi-secure", tpm: true, note: "builder" },
    );
    assert.deepEqual(machine.disks, [
      { file: "/srv/a.qcow2", format: "qcow2", bus: "virtio", readOnly: false },
      { file: "/srv/b.img", format: undefined, bus: "sata", readOnly: true },
    ]);
    assert.deepEqual(machine.adapters, [
      { model: "virtio", mac: "52:54:00:aa:bb:cc", linkUp: true, forwards: [] },
      { model: "e1000e", mac: undefined, linkUp: false, forwards: [{ protocol: "tcp", hostPort: 2022, guestPort: 22 }] },
    ]);
    assert.deepEqual(machine.bootOrder, ["network", "disk"]);
    const report = machine.report.join("\n");
    for (const word of [
      /processor pinning/,
      /vdb is no file/,
      /Adapter 1 was on bridge br0/,
      /rtl8139/,
      /sound/,
      /shared folders/,
      /passed through/,
    ])
      assert.match(report, word);
  });

  it("takes from VirtualBox what it can; forwards stay on this host alone", async () => {
    const machine = await read(virtualBox, "Web.vbox");
    assert.ok(machine);
    assert.deepEqual(machine.disks, [{ file: join(folder, "Web.vdi"), format: "vdi", bus: "sata", readOnly: false }]);
    assert.deepEqual(
      [machine.cpus, machine.memoryBytes, machine.firmware, machine.cdrom],
      [2, 1024 ** 3, "uefi", { file: "/isos/debian.iso" }],
    );
    assert.deepEqual(machine.bootOrder, ["cdrom", "disk"]);
    const [adapter, hostOnly] = asForeign(base, machine, undefined).networks;
    assert.deepEqual(adapter, {
      mode: "nat",
      model: "e1000e",
      mac: "08:00:27:3c:6b:0a",
      linkUp: true,
      forwards: [{ protocol: "tcp", hostAddress: "127.0.0.1", hostPort: 2222, guestPort: 22 }],
    });
    assert.deepEqual([hostOnly?.model, hostOnly?.linkUp], ["virtio", false]);
    assert.match(machine.report.join("\n"), /Adapter 2 was on a host-only network[\s\S]*shared folders, sound/);
  });

  it("refuses a disk that only differs from a snapshot, and an encrypted machine", async () => {
    const nested = virtualBox
      .replace('type="Normal"/>', 'type="Normal"><HardDisk uuid="{d2}" location="Snapshots/{d2}.vdi" format="VDI"/></HardDisk>')
      .replace('<Image uuid="{d1}"/>', '<Image uuid="{d2}"/>');
    await assert.rejects(read(nested), { code: "usage", message: /differs from a snapshot/ });
    await assert.rejects(read(virtualBox.replace('name="Web"', 'name="Web" keyId="k"')), { code: "usage", message: /encrypted/ });
  });

  for (const [what, text, error] of [
    ["another architecture", "<domain type='qemu'><os><type arch='riscv64'>hvm</type></os></domain>", "host-cannot"],
    ["broken XML", "<domain><os></domain>", "untrusted-input"],
    ["a DTD", "<?xml version='1.0'?><!DOCTYPE d [<!ENTITY a 'b'>]><domain>&a;</domain>", "untrusted-input"],
    ["another element", "<?xml version='1.0'?><network/>", "untrusted-input"],
    ["a VirtualBox file without a machine", "<VirtualBox><Global/></VirtualBox>", "untrusted-input"],
    [
      "40 disks",
      `<domain><os><type>hvm</type></os><devices>${"<disk type='file'><source file='/d'/></disk>".repeat(40)}</devices></domain>`,
      "untrusted-input",
    ],
    ["5 MiB", `<domain>${" ".repeat(5 * 1024 ** 2)}</domain>`, "untrusted-input"],
  ] as const)
    it(`refuses ${what}`, () => assert.rejects(read(text), { code: error }));

  it("says what no machine can be", async () => {
    const machine = await read(
      libvirt.replace("<boot dev='hd'/></os>", `<kernel>/boot/k</kernel><cmdline>${"x".repeat(3000)}</cmdline></os>`),
    );
    assert.ok(machine);
    assert.throws(() => asForeign(base, machine, undefined), { code: "untrusted-input", message: /firmware\.append/ });
  });

  it("leaves images to others", async () => {
    assert.equal(await read("QFI\u00fb", "disk.qcow2"), undefined);
    assert.equal(await read("", "empty"), undefined);
  });
});
