import { dirname, isAbsolute, join, resolve } from "node:path";
import { type Disk, vivError } from "../../../model/index.ts";
import { child, childText, descendants, type Element } from "../xml.ts";
import { distinct, type ForeignAdapter, type ForeignDisk, type ForeignMachine, mostAdapters, mostDisks, unicastMac } from "./types.ts";

/**
 * A machine as VirtualBox keeps it beside its disks (`NAME.vbox`). It calls every value a string, `true` a word, and
 * memory MiB.
 * @param file the .vbox file: what it names is relative to its folder.
 * @throws VivError `untrusted-input`, `usage` for what would have to be merged or decrypted first.
 */
export function readVirtualBox(top: Element, file: string): ForeignMachine {
  const machine = child(top, "Machine");
  const hardware = machine && child(machine, "Hardware");
  if (!machine || !hardware) throw vivError("untrusted-input", `${file} describes no machine of VirtualBox.`);
  if (machine.attributes.has("keyId") || machine.attributes.has("keyStore"))
    throw vivError("usage", `${file} is encrypted.`, "Decrypt the machine in VirtualBox first.");
  const report: string[] = [];
  const efi = /^EFI/.test(child(hardware, "Firmware")?.attributes.get("type") ?? "");
  const arm = /arm64/i.test(machine.attributes.get("OSType") ?? "") || attributeOf(hardware, "Platform", "architecture") === "ARM";
  if (efi) report.push("Its firmware variables (boot entries, Secure Boot keys) stay behind: they start as new, without Secure Boot.");
  const { disks, cdrom } = disksOf(machine, hardware, file, report);
  const platform = child(hardware, "Platform") ?? hardware;
  return {
    origin: "VirtualBox",
    architecture: arm ? "aarch64" : "x86_64",
    cpus: number(child(platform, "CPU")?.attributes.get("count") ?? child(hardware, "CPU")?.attributes.get("count")) ?? 1,
    memoryBytes: (number(child(hardware, "Memory")?.attributes.get("RAMSize")) ?? 0) * 1024 ** 2 || undefined,
    firmware: efi || arm ? "uefi" : "bios",
    disks,
    cdrom,
    adapters: adaptersOf(hardware, report),
    display: "std",
    tpm: /^v/.test(child(hardware, "TrustedPlatformModule")?.attributes.get("type") ?? ""),
    watchdog: false,
    bootOrder: bootOrderOf(hardware),
    note: childText(machine, "Description"),
    report: [...report, ...leftOut(machine, hardware)],
  };
}

const buses: Record<string, Disk["bus"]> = { NVMe: "nvme", VirtioSCSI: "scsi", LsiLogic: "sata", BusLogic: "sata" };

function disksOf(machine: Element, hardware: Element, file: string, report: string[]): Pick<ForeignMachine, "disks" | "cdrom"> {
  const media = mediaOf(machine, file);
  // Before VirtualBox 7.0 the controllers stood beside the hardware.
  const controllers = [...descendants(hardware, "StorageController"), ...directControllers(machine)];
  const disks: ForeignDisk[] = [];
  let cdrom: ForeignMachine["cdrom"];
  for (const controller of controllers) {
    const type = controller.attributes.get("type") ?? "AHCI";
    if (/Logic|SAS/.test(type)) report.push(`Its ${type} controller becomes SATA.`);
    for (const device of controller.children.filter(({ name }) => name === "AttachedDevice")) {
      const kind = device.attributes.get("type");
      const medium = media.get(child(device, "Image")?.attributes.get("uuid") ?? "");
      if (kind === "DVD") {
        if (cdrom?.file === undefined) cdrom = medium === undefined ? {} : { file: medium.file };
      } else if (kind === "HardDisk" && medium !== undefined) {
        if (medium.differs)
          throw vivError(
            "usage",
            `${file}: the disk ${medium.file} keeps only what differs from a snapshot.`,
            "Export the machine as OVA in VirtualBox, or clone it there without its snapshots.",
          );
        disks.push({ file: medium.file, format: medium.format, bus: buses[type] ?? "sata", readOnly: false });
      } else if (kind === "Floppy" || kind === "HardDisk") {
        report.push(`Not carried over: a ${kind === "Floppy" ? "floppy drive" : "disk that the file does not say where it is"}.`);
      }
    }
  }
  if (disks.length > mostDisks) throw vivError("untrusted-input", `${file} has ${disks.length} disks; at most ${mostDisks} are possible.`);
  return { disks, cdrom };
}

function directControllers(machine: Element): Element[] {
  const list = child(machine, "StorageControllers");
  return list ? list.children.filter(({ name }) => name === "StorageController") : [];
}

interface Medium {
  readonly file: string;
  readonly format: ForeignDisk["format"];
  /** It lies inside another disk's element: it is a difference to that. */
  readonly differs: boolean;
}

function mediaOf(machine: Element, file: string): Map<string, Medium> {
  const registry = child(machine, "MediaRegistry");
  const media = new Map<string, Medium>();
  const add = (element: Element, differs: boolean): void => {
    const location = element.attributes.get("location");
    const id = element.attributes.get("uuid");
    if (location !== undefined && id !== undefined)
      media.set(id, { file: placeOf(location, file), format: formatOf(element.attributes.get("format")), differs });
    for (const inner of element.children.filter(({ name }) => name === "HardDisk")) add(inner, true);
  };
  for (const list of registry?.children ?? []) for (const element of list.children) add(element, false);
  return media;
}

function placeOf(location: string, file: string): string {
  const windows = /^[A-Za-z]:[\\/]/.test(location);
  const path = process.platform === "win32" || windows ? location : location.replaceAll("\\", "/");
  return isAbsolute(path) || windows ? path : resolve(join(dirname(file), path));
}

function formatOf(format: string | undefined): ForeignDisk["format"] {
  const known: Record<string, ForeignDisk["format"]> = { vdi: "vdi", vmdk: "vmdk", vhd: "vpc", vhdx: "vhdx", qcow: undefined };
  return known[format?.toLowerCase() ?? ""];
}

function adaptersOf(hardware: Element, report: string[]): ForeignAdapter[] {
  const present = descendants(hardware, "Adapter").filter(
    (adapter) => adapter.attributes.has("slot") && adapter.attributes.get("enabled") === "true",
  );
  if (present.length > mostAdapters) report.push(`It had ${present.length} network adapters; ${mostAdapters} are possible.`);
  return present.slice(0, mostAdapters).map((adapter, index) => {
    const mode = modeOf(adapter);
    if (mode !== "NAT") report.push(`Adapter ${index + 1} was on ${mode}; it is on NAT now.`);
    const type = adapter.attributes.get("type") ?? "";
    return {
      model: type === "virtio" ? "virtio" : "e1000e",
      mac: unicastMac(adapter.attributes.get("MACAddress")?.match(/../g)?.join(":")),
      linkUp: adapter.attributes.get("cable") !== "false",
      forwards: descendants(adapter, "Forwarding").flatMap(forwardOf),
    };
  });
}

/** An adapter that is not connected has its last modes below `DisabledModes`. */
function modeOf(adapter: Element): string {
  const words: Record<string, string> = {
    NAT: "NAT",
    NATNetwork: "a NAT network",
    BridgedInterface: "a bridge",
    HostOnlyInterface: "a host-only network",
    HostOnlyNetwork: "a host-only network",
    InternalNetwork: "an internal network",
    GenericInterface: "another driver",
    CloudNetwork: "a cloud network",
  };
  return adapter.children.flatMap(({ name }) => words[name] ?? [])[0] ?? "nothing";
}

/** `proto` 1 is TCP; an older file leaves out what is the default. */
function forwardOf({ attributes }: Element): ForeignAdapter["forwards"] {
  const guestPort = number(attributes.get("guestport"));
  if (guestPort === undefined || guestPort > 65535) return [];
  const hostPort = number(attributes.get("hostport"));
  return [
    {
      protocol: attributes.get("proto") === "0" ? "udp" : "tcp",
      hostPort: hostPort === undefined || hostPort > 65535 ? undefined : hostPort,
      guestPort,
    },
  ];
}

function bootOrderOf(hardware: Element): ForeignMachine["bootOrder"] {
  const words = { HardDisk: "disk", DVD: "cdrom", Network: "network" } as const;
  const order = descendants(hardware, "Order")
    .sort((left, right) => Number(left.attributes.get("position")) - Number(right.attributes.get("position")))
    .flatMap(({ attributes }) => words[attributes.get("device") as keyof typeof words] ?? []);
  return order.length === 0 ? ["cdrom", "disk"] : distinct(order);
}

function leftOut(machine: Element, hardware: Element): string[] {
  const found = [
    ...(descendants(machine, "Snapshot").length > 0 ? ["its snapshots"] : []),
    ...(descendants(hardware, "SharedFolder").length > 0 ? ["shared folders"] : []),
    ...(attributeOf(hardware, "AudioAdapter", "enabled") === "true" ? ["sound"] : []),
    ...(descendants(hardware, "DeviceFilter").length > 0 ? ["USB devices of the host"] : []),
    ...(attributeOf(hardware, "RemoteDisplay", "enabled") === "true" ? ["remote display by RDP"] : []),
    ...(attributeOf(hardware, "Clipboard", "mode") === "Bidirectional" ? ["the shared clipboard"] : []),
  ];
  return found.length === 0 ? [] : [`Not carried over: ${found.join(", ")}.`];
}

function attributeOf(parent: Element, name: string, attribute: string): string | undefined {
  return descendants(parent, name)[0]?.attributes.get(attribute);
}

function number(text: string | undefined): number | undefined {
  const value = Number(text);
  return text !== undefined && Number.isSafeInteger(value) && value > 0 ? value : undefined;
}
