import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readArchive } from "../../../src/host/transfer/ova/archive.ts";
import { parseManifest } from "../../../src/host/transfer/ova/manifest.ts";
import { parseOvf } from "../../../src/host/transfer/ova/ovf.ts";
import { writeOva } from "../../../src/host/transfer/ova/write.ts";
import { bytesOf } from "../../support/imageBytes.ts";
import { tarOf } from "../../support/ova.ts";

/** As VirtualBox 7 writes it, shortened: other prefixes, its own section, controllers before disks. */
const virtualBox = `<?xml version="1.0"?>
<Envelope ovf:version="1.0" xmlns="http://schemas.dmtf.org/ovf/envelope/1" xmlns:ovf="http://schemas.dmtf.org/ovf/envelope/1" xmlns:rasd="r" xmlns:vbox="http://www.virtualbox.org/ovf/machine">
  <References><File ovf:id="file1" ovf:href="box-disk001.vmdk"/></References>
  <DiskSection><Disk ovf:capacity="42949672960" ovf:diskId="vmdisk1" ovf:fileRef="file1"/></DiskSection>
  <VirtualSystem ovf:id="box"><VirtualHardwareSection>
    <Item><rasd:ResourceType>3</rasd:ResourceType><rasd:VirtualQuantity>2</rasd:VirtualQuantity></Item>
    <Item><rasd:AllocationUnits>MegaBytes</rasd:AllocationUnits><rasd:ResourceType>4</rasd:ResourceType><rasd:VirtualQuantity>2048</rasd:VirtualQuantity></Item>
    <Item><rasd:InstanceID>3</rasd:InstanceID><rasd:ResourceSubType>AHCI</rasd:ResourceSubType><rasd:ResourceType>20</rasd:ResourceType></Item>
    <Item><rasd:ResourceType>35</rasd:ResourceType></Item>
    <Item><rasd:HostResource>/disk/vmdisk1</rasd:HostResource><rasd:Parent>3</rasd:Parent><rasd:ResourceType>17</rasd:ResourceType></Item>
    <Item><rasd:ResourceType>10</rasd:ResourceType></Item><Item><rasd:ResourceType>10</rasd:ResourceType></Item>
  </VirtualHardwareSection><vbox:Machine><Hardware><Firmware type="EFI"/></Hardware></vbox:Machine></VirtualSystem>
</Envelope>`;

describe("OVA", () => {
  it("reads what VirtualBox says: disks, processors, memory, firmware, and what is not taken over", () => {
    assert.deepEqual(parseOvf(virtualBox, "box.ovf"), {
      name: "box",
      cpus: 2,
      memoryBytes: 2 * 1024 ** 3,
      firmware: "uefi",
      adapters: 2,
      disks: [{ file: "box-disk001.vmdk", capacityBytes: 40 * 1024 ** 3 }],
      ignored: ["a sound card"],
    });
  });

  it("refuses disks that lean on others, or are not there", () => {
    const refused = (from: string, to: string, reason: RegExp) => assert.throws(() => parseOvf(virtualBox.replace(from, to), "x"), reason);
    refused('ovf:fileRef="file1"', 'ovf:fileRef="file1" ovf:parentRef="base"', /keeps only what differs/);
    refused('ovf:fileRef="file1"', 'ovf:fileRef="file9"', /names a disk that it does not have/);
    refused('ovf:fileRef="file1"', "", /has a disk without content/);
    refused("/disk/vmdisk1", "/disk/vmdisk9", /names a disk that it does not have/);
    refused('ovf:id="file1" ovf:href="box', 'ovf:id="file1" ovf:chunkSize="7" ovf:href="box', /in pieces/);
  });

  it("reads manifests with and without spaces, and of Windows", () => {
    assert.deepEqual(parseManifest("SHA1(a.ovf)= AB12\r\nSHA256 (b c.vmdk) = 00ff\n\n", "x"), [
      { algorithm: "sha1", name: "a.ovf", hex: "ab12" },
      { algorithm: "sha256", name: "b c.vmdk", hex: "00ff" },
    ]);
  });

  it("reads names longer than a header by their pax record, and only plain ones", async () => {
    const long = `${"n".repeat(150)}.vmdk`;
    const pax = (path: string) => {
      const body = ` path=${path}\n`;
      let length = body.length + 1;
      while (String(length).length + body.length !== length) length = String(length).length + body.length;
      return { name: "PaxHeader", data: `${length}${body}`, header: { type: "ExtendedHeader" as const } };
    };
    const members = await readArchive(bytesOf(tarOf([pax(long), { name: "short", data: "x" }])), "x");
    assert.deepEqual(members, [{ name: long, offset: 1536, bytes: 1 }]);
    await assert.rejects(readArchive(bytesOf(tarOf([pax("../x"), { name: "short", data: "x" }])), "x"), /leads out of its folder/);
  });

  it("writes what it reads: the descriptor first, in the place that was kept for it", async () => {
    const folder = await mkdtemp(join(tmpdir(), "viv-ova-"));
    try {
      await writeFile(join(folder, "disk"), Buffer.alloc(700, 1));
      const machine = {
        name: "a-b",
        cpus: 3,
        memoryBytes: 1024 ** 3,
        uefi: true,
        adapters: 1,
        disks: [{ id: "disk0", virtualBytes: 4096 }],
      };
      await writeOva(
        join(folder, "x.ova"),
        machine,
        async () => ({ file: join(folder, "disk"), done: async () => undefined }),
        new AbortController().signal,
      );
      const data = await readFile(join(folder, "x.ova"));
      const members = await readArchive(bytesOf(data), "x.ova");
      assert.deepEqual(
        members.map(({ name }) => name),
        ["a-b.ovf", "a-b-disk0.vmdk", "a-b.mf"],
      );
      const [ovf] = members;
      assert.ok(ovf);
      assert.deepEqual(parseOvf(data.toString("utf8", ovf.offset, ovf.offset + ovf.bytes), "x"), {
        name: "a-b",
        cpus: 3,
        memoryBytes: 1024 ** 3,
        firmware: "uefi",
        adapters: 1,
        disks: [{ file: "a-b-disk0.vmdk", capacityBytes: 4096 }],
        ignored: [],
      });
      assert.equal(data.length % 512, 0);
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});
