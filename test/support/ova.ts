/** OVAs put together by hand: a tar of an OVF, its disks and a manifest. Entries may be anything, for hostile ones. */
import { createHash } from "node:crypto";
import { Header, type HeaderData } from "tar";

export interface Entry {
  readonly name: string;
  readonly data: Buffer | string;
  readonly header?: Partial<HeaderData>;
}

export function tarOf(entries: readonly Entry[]): Buffer {
  const parts: Buffer[] = [];
  for (const { name, data, header } of entries) {
    const content = Buffer.from(data);
    const block = Buffer.alloc(512);
    new Header({ path: name, size: content.length, mode: 0o644, type: "File", ...header }).encode(block, 0);
    parts.push(block, content, Buffer.alloc((512 - (content.length % 512)) % 512));
  }
  return Buffer.concat([...parts, Buffer.alloc(1024)]);
}

export interface OvfDisk {
  readonly file: string;
  readonly capacity: number;
}

/** As VMware's ovftool writes it, shortened. */
export function ovfText(
  name: string,
  disks: readonly OvfDisk[],
  options: { memoryMiB?: number; cpus?: number; firmware?: string; extra?: string } = {},
): string {
  const item = (type: number, id: number, more: string) =>
    `<Item><rasd:ElementName>item ${id}</rasd:ElementName><rasd:InstanceID>${id}</rasd:InstanceID>${more}<rasd:ResourceType>${type}</rasd:ResourceType></Item>`;
  return `<?xml version="1.0" encoding="UTF-8"?>
<Envelope xmlns="http://schemas.dmtf.org/ovf/envelope/1" xmlns:ovf="http://schemas.dmtf.org/ovf/envelope/1" xmlns:rasd="http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/CIM_ResourceAllocationSettingData" xmlns:vmw="http://www.vmware.com/schema/ovf">
  <References>${disks.map(({ file }, index) => `<File ovf:href="${file}" ovf:id="file${index}"/>`).join("")}</References>
  <DiskSection><Info>Disks</Info>${disks
    .map(
      ({ capacity }, index) =>
        `<Disk ovf:capacity="${capacity}" ovf:capacityAllocationUnits="byte" ovf:diskId="vmdisk${index}" ovf:fileRef="file${index}" ovf:format="http://www.vmware.com/interfaces/specifications/vmdk.html#streamOptimized"/>`,
    )
    .join("")}</DiskSection>
  <VirtualSystem ovf:id="${name}"><Info>A machine</Info><Name>${name}</Name>
    <VirtualHardwareSection><Info>Hardware</Info>
      ${item(3, 1, `<rasd:VirtualQuantity>${options.cpus ?? 1}</rasd:VirtualQuantity>`)}
      ${item(4, 2, `<rasd:AllocationUnits>byte * 2^20</rasd:AllocationUnits><rasd:VirtualQuantity>${options.memoryMiB ?? 512}</rasd:VirtualQuantity>`)}
      ${item(20, 3, "<rasd:Address>0</rasd:Address>")}
      ${disks.map((_disk, index) => item(17, 10 + index, `<rasd:HostResource>ovf:/disk/vmdisk${index}</rasd:HostResource><rasd:Parent>3</rasd:Parent>`)).join("\n")}
      ${item(10, 30, "<rasd:Connection>VM Network</rasd:Connection>")}
      ${item(14, 31, "")}
      ${options.firmware ? `<vmw:Config ovf:required="false" vmw:key="firmware" vmw:value="${options.firmware}"/>` : ""}
    </VirtualHardwareSection>
  </VirtualSystem>${options.extra ?? ""}
</Envelope>
`;
}

export function manifestOf(entries: readonly Entry[], algorithm: "sha1" | "sha256"): string {
  return entries
    .map(({ name, data }) => `${algorithm.toUpperCase()}(${name})= ${createHash(algorithm).update(data).digest("hex")}\n`)
    .join("");
}
