import { createHash, type Hash } from "node:crypto";
import { type FileHandle, open } from "node:fs/promises";
import { Header } from "tar";
import { vivError } from "../../../model/index.ts";
import { escapeXml } from "../xml.ts";
import { manifestLine } from "./manifest.ts";

/** An OVA as it is written: descriptor, disks one after the other, manifest. No disk is there twice. */
export interface OvaMachine {
  readonly name: string;
  readonly cpus: number;
  readonly memoryBytes: number;
  readonly uefi: boolean;
  readonly adapters: number;
  readonly disks: readonly { readonly id: string; readonly virtualBytes: number }[];
}

const block = 512;
const pieceBytes = 1024 ** 2;

/**
 * Writes the archive. The descriptor comes first and names the disks' sizes, which are known last: its place is kept.
 * @param disk makes the streamOptimized vmdk of a disk and gives its file, which is removed by the caller's `done`
 */
export async function writeOva(
  file: string,
  machine: OvaMachine,
  disk: (id: string) => Promise<{ file: string; done(): Promise<void> }>,
  signal: AbortSignal,
): Promise<void> {
  const names = machine.disks.map(({ id }) => `${machine.name}-${id}.vmdk`);
  const descriptorName = `${machine.name}.ovf`;
  const reserved = Buffer.byteLength(
    descriptor(
      machine,
      names,
      names.map(() => Number.MAX_SAFE_INTEGER),
    ),
  );
  const archive = await open(file, "wx", 0o600);
  try {
    let at = block + padded(reserved);
    const sizes: number[] = [];
    let digests = "";
    for (const [index, { id }] of machine.disks.entries()) {
      const made = await disk(id);
      try {
        const name = names[index] ?? "";
        const hash = createHash("sha256");
        const bytes = await append(archive, at + block, made.file, hash, signal);
        await archive.write(tarHeader(name, bytes), 0, block, at);
        at += block + padded(bytes);
        sizes.push(bytes);
        digests += manifestLine(name, hash.digest("hex"));
      } finally {
        await made.done();
      }
    }
    const text = Buffer.from(descriptor(machine, names, sizes));
    const content = Buffer.concat([text, Buffer.alloc(reserved - text.length, " ")]);
    await archive.write(Buffer.concat([tarHeader(descriptorName, content.length), content]), 0, block + content.length, 0);
    const manifest = Buffer.from(manifestLine(descriptorName, createHash("sha256").update(content).digest("hex")) + digests);
    const end = Buffer.concat([tarHeader(`${machine.name}.mf`, manifest.length), manifest]);
    await archive.write(end, 0, end.length, at);
    // Two empty blocks end a tar.
    await archive.truncate(at + block + padded(manifest.length) + 2 * block);
  } finally {
    await archive.close();
  }
}

async function append(archive: FileHandle, at: number, file: string, hash: Hash, signal: AbortSignal): Promise<number> {
  const source = await open(file, "r");
  try {
    const piece = Buffer.alloc(pieceBytes);
    for (let done = 0; ; ) {
      signal.throwIfAborted();
      const { bytesRead } = await source.read(piece, 0, pieceBytes, done);
      if (bytesRead === 0) return done;
      const data = piece.subarray(0, bytesRead);
      hash.update(data);
      await archive.write(data, 0, bytesRead, at + done);
      done += bytesRead;
    }
  } finally {
    await source.close();
  }
}

function padded(bytes: number): number {
  return Math.ceil(bytes / block) * block;
}

function tarHeader(name: string, bytes: number): Buffer {
  const data = Buffer.alloc(block);
  const header = new Header({ path: name, size: bytes, mode: 0o644, uid: 0, gid: 0, mtime: new Date(), type: "File" });
  // Sizes from 8 GiB on are written in base 256, as every tar reads them.
  if (header.encode(data, 0) && bytes < 8 * 1024 ** 3) throw vivError("internal", `${name} cannot be named in a tar.`);
  return data;
}

const capacityUnit = "byte";

/** As VMware's and VirtualBox's importers want it (DSP0243 1.1). */
function descriptor(machine: OvaMachine, files: readonly string[], sizes: readonly number[]): string {
  const name = escapeXml(machine.name);
  const item = (id: number, type: number, title: string, more: string) =>
    `      <Item>\n        <rasd:ElementName>${title}</rasd:ElementName>\n        <rasd:InstanceID>${id}</rasd:InstanceID>\n${more}        <rasd:ResourceType>${type}</rasd:ResourceType>\n      </Item>\n`;
  const line = (tag: string, value: string | number) => `        <rasd:${tag}>${value}</rasd:${tag}>\n`;
  const memoryMiB = Math.round(machine.memoryBytes / 1024 ** 2);
  return `<?xml version="1.0" encoding="UTF-8"?>
<Envelope xmlns="http://schemas.dmtf.org/ovf/envelope/1" xmlns:ovf="http://schemas.dmtf.org/ovf/envelope/1" xmlns:rasd="http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/CIM_ResourceAllocationSettingData" xmlns:vssd="http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/CIM_VirtualSystemSettingData" xmlns:vmw="http://www.vmware.com/schema/ovf">
  <References>
${files.map((file, index) => `    <File ovf:id="file${index}" ovf:href="${escapeXml(file)}" ovf:size="${sizes[index]}"/>\n`).join("")}  </References>
  <DiskSection>
    <Info>Virtual disks</Info>
${machine.disks.map(({ virtualBytes }, index) => `    <Disk ovf:diskId="disk${index}" ovf:fileRef="file${index}" ovf:capacity="${virtualBytes}" ovf:capacityAllocationUnits="${capacityUnit}" ovf:format="http://www.vmware.com/interfaces/specifications/vmdk.html#streamOptimized"/>\n`).join("")}  </DiskSection>
  <NetworkSection>
    <Info>Networks</Info>
    <Network ovf:name="nat"><Description>Address translation by the host</Description></Network>
  </NetworkSection>
  <VirtualSystem ovf:id="${name}">
    <Info>A virtual machine</Info>
    <Name>${name}</Name>
    <OperatingSystemSection ovf:id="1"><Info>Not said</Info></OperatingSystemSection>
    <VirtualHardwareSection>
      <Info>Virtual hardware</Info>
      <System>
        <vssd:ElementName>Virtual hardware family</vssd:ElementName>
        <vssd:InstanceID>0</vssd:InstanceID>
        <vssd:VirtualSystemIdentifier>${name}</vssd:VirtualSystemIdentifier>
        <vssd:VirtualSystemType>vmx-10 virtualbox-2.2</vssd:VirtualSystemType>
      </System>
${item(1, 3, "processors", line("VirtualQuantity", machine.cpus))}${item(2, 4, "memory", line("AllocationUnits", "byte * 2^20") + line("VirtualQuantity", memoryMiB))}${item(3, 20, "SATA controller", line("Address", 0) + line("ResourceSubType", "AHCI"))}${machine.disks
  .map(({ id }, index) =>
    item(
      10 + index,
      17,
      escapeXml(id),
      line("AddressOnParent", index) + line("HostResource", `ovf:/disk/disk${index}`) + line("Parent", 3),
    ),
  )
  .join(
    "",
  )}${Array.from({ length: machine.adapters }, (_, index) => item(40 + index, 10, `adapter ${index}`, line("AutomaticAllocation", "true") + line("Connection", "nat") + line("ResourceSubType", "E1000"))).join("")}${machine.uefi ? '      <vmw:Config ovf:required="false" vmw:key="firmware" vmw:value="efi"/>\n' : ""}    </VirtualHardwareSection>
  </VirtualSystem>
</Envelope>
`;
}
