import { vivError } from "../../../model/index.ts";
import { childText, descendants, type Element, parseXml } from "../xml.ts";

/** What an OVF descriptor (DSP0243) says about one machine, as far as we use it. */
export interface OvfMachine {
  readonly name: string | undefined;
  readonly cpus: number | undefined;
  readonly memoryBytes: number | undefined;
  readonly firmware: "bios" | "uefi" | undefined;
  readonly adapters: number;
  /** Names of the archive's members, in the order in which the machine has them. */
  readonly disks: readonly { readonly file: string; readonly capacityBytes: number | undefined }[];
  /** What is there and was not taken over. */
  readonly ignored: readonly string[];
}

/** CIM resource types (DMTF DSP1050). */
const processor = 3;
const memory = 4;
const adapter = 10;
const cd = 15;
const disk = 17;
const named: Record<number, string> = {
  1: "another device",
  14: "a floppy drive",
  16: "a tape drive",
  18: "a tape drive",
  21: "a serial port",
  22: "a parallel port",
  23: "a USB controller",
  35: "a sound card",
};
const mostDisks = 16;

/** @throws VivError `untrusted-input` */
export function parseOvf(text: string, what: string): OvfMachine {
  const refuse = (reason: string): never => {
    throw vivError("untrusted-input", `${what} ${reason}.`);
  };
  const envelope = parseXml(text, what);
  if (envelope.name !== "Envelope") refuse("is no OVF envelope");
  const systems = descendants(envelope, "VirtualSystem");
  const [system] = systems;
  if (!system) return refuse("describes no machine");
  if (systems.length > 1) refuse(`describes ${systems.length} machines; one can be taken in at a time`);
  const files = fileNames(envelope, refuse);
  const diskFiles = new Map(descendants(envelope, "Disk").map((each) => [attribute(each, "diskId"), each]));
  const items = descendants(system, "Item").concat(descendants(system, "StorageItem"), descendants(system, "EthernetPortItem"));
  const disks: { file: string; capacityBytes: number | undefined }[] = [];
  const ignored: string[] = [];
  for (const item of items.filter((each) => typeOf(each) === disk)) {
    const id = /(?:\/disk\/|\/file\/)(.+)$/.exec(childText(item, "HostResource") ?? "")?.[1];
    const entry = id === undefined ? undefined : diskFiles.get(id);
    if (entry?.attributes.has("parentRef")) refuse("has a disk that keeps only what differs from another");
    const reference = entry?.attributes.get("fileRef") ?? (entry ? undefined : id);
    const file = reference === undefined ? undefined : files.get(reference);
    if (file === undefined) refuse(entry && reference === undefined ? "has a disk without content" : "names a disk that it does not have");
    else disks.push({ file, capacityBytes: capacityOf(entry) });
  }
  if (disks.length > mostDisks) refuse(`has ${disks.length} disks; at most ${mostDisks} are possible`);
  for (const item of items) {
    const word = named[typeOf(item) ?? 0];
    if (word !== undefined && !ignored.includes(word)) ignored.push(word);
    if (typeOf(item) === cd && childText(item, "HostResource")?.includes("/file/") && !ignored.includes("a CD in its drive"))
      ignored.push("a CD in its drive");
  }
  return {
    name: childText(system, "Name") ?? system.attributes.get("id"),
    cpus: quantity(items, processor),
    memoryBytes: memoryOf(items),
    firmware: firmwareOf(system),
    adapters: items.filter((item) => typeOf(item) === adapter).length,
    disks,
    ignored,
  };
}

function fileNames(envelope: Element, refuse: (reason: string) => never): Map<string, string> {
  const names = new Map<string, string>();
  for (const file of descendants(envelope, "File")) {
    const href = attribute(file, "href");
    const compression = file.attributes.get("compression");
    if (compression !== undefined && compression !== "" && compression !== "identity")
      refuse(`has ${JSON.stringify(href)} compressed (${compression})`);
    if (file.attributes.has("chunkSize")) refuse(`has ${JSON.stringify(href)} in pieces`);
    if (/[\\/:]/.test(href) || href === ".." || href === "") refuse(`names a file outside itself, ${JSON.stringify(href)}`);
    names.set(attribute(file, "id"), href);
  }
  return names;
}

function attribute(element: Element, name: string): string {
  return element.attributes.get(name) ?? "";
}

function typeOf(item: Element): number | undefined {
  const text = childText(item, "ResourceType");
  return text === undefined ? undefined : Number(text);
}

function quantity(items: readonly Element[], type: number): number | undefined {
  const text = items
    .map((item) => (typeOf(item) === type ? childText(item, "VirtualQuantity") : undefined))
    .find((found) => found !== undefined);
  const value = Number(text);
  return text !== undefined && Number.isSafeInteger(value) && value > 0 ? value : undefined;
}

function memoryOf(items: readonly Element[]): number | undefined {
  const value = quantity(items, memory);
  const item = items.find((each) => typeOf(each) === memory);
  return value === undefined || item === undefined ? undefined : value * unitBytes(childText(item, "AllocationUnits") ?? "byte * 2^20");
}

function capacityOf(entry: Element | undefined): number | undefined {
  const value = Number(entry?.attributes.get("capacity"));
  if (!entry || !Number.isFinite(value) || value <= 0) return undefined;
  return value * unitBytes(entry.attributes.get("capacityAllocationUnits") ?? "byte");
}

/** `byte * 2^20`, `MegaBytes`, `GigaBytes` (DSP0004, annex C). */
function unitBytes(unit: string): number {
  const power = /2\s*\^\s*(\d+)/.exec(unit)?.[1];
  if (power !== undefined) return 2 ** Number(power);
  if (/^kilo/i.test(unit)) return 1024;
  if (/^mega/i.test(unit)) return 1024 ** 2;
  if (/^giga/i.test(unit)) return 1024 ** 3;
  return 1;
}

/** VMware says it in a configuration entry, VirtualBox in its own section. */
function firmwareOf(system: Element): OvfMachine["firmware"] {
  const vmware = descendants(system, "Config").find((each) => each.attributes.get("key") === "firmware");
  const word = vmware?.attributes.get("value") ?? descendants(system, "Firmware")[0]?.attributes.get("type");
  return word === undefined ? undefined : /^(u?efi)/i.test(word) ? "uefi" : "bios";
}
