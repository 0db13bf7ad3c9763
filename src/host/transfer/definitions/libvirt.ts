import { isAbsolute } from "node:path";
import { type Architecture, type Disk, vivError } from "../../../model/index.ts";
import { child, childText, descendants, type Element } from "../xml.ts";
import { distinct, type ForeignAdapter, type ForeignDisk, type ForeignMachine, mostAdapters, mostDisks, unicastMac } from "./types.ts";

/**
 * A domain as `virsh dumpxml` prints it (https://libvirt.org/formatdomain.html).
 * @throws VivError `untrusted-input`, `host-cannot` for another architecture.
 */
export function readLibvirt(domain: Element, what: string): ForeignMachine {
  const report: string[] = [];
  const os = child(domain, "os");
  const devices = child(domain, "devices");
  const type = os && child(os, "type");
  const architecture = architectureOf(type?.attributes.get("arch") ?? "x86_64", what);
  const board = type?.attributes.get("machine") ?? "";
  if (/^(pc|pc-i440fx.*)$/.test(board)) report.push(`Its board ${board} becomes Q35: Windows guests may ask to be activated again.`);
  if (domain.attributes.get("type") === "xen" || type?.text.trim() !== "hvm")
    report.push("It was no fully virtualized guest, and may lack the drivers it needs here.");
  const firmware = firmwareOf(os, architecture);
  if (os && descendants(os, "nvram").length > 0)
    report.push("Its firmware variables (boot entries, own keys) stay behind: they start as new.");
  if (memoryOf(domain, "memory") !== memoryOf(domain, "currentMemory") && childText(domain, "currentMemory") !== undefined)
    report.push("Its balloon target stays behind: it starts with all its memory.");
  tuning(domain, report);
  const { disks, cdrom } = disksOf(devices, report, what);
  return {
    origin: "libvirt",
    architecture,
    cpus: wholeNumber(childText(domain, "vcpu")),
    memoryBytes: memoryOf(domain, "memory"),
    firmware,
    kernel: kernelOf(os),
    disks,
    cdrom,
    adapters: adaptersOf(devices, report),
    display: displayOf(devices),
    tpm: has(devices, "tpm"),
    watchdog: has(devices, "watchdog"),
    bootOrder: bootOrderOf(os),
    note: childText(domain, "description") ?? childText(domain, "title"),
    report: [...report, ...leftOut(devices)],
  };
}

function architectureOf(arch: string, what: string): Architecture {
  if (arch === "x86_64" || arch === "aarch64") return arch;
  throw vivError("host-cannot", `${what} is a machine of ${arch}.`, "Vivarium runs x86_64 and aarch64.");
}

function firmwareOf(os: Element | undefined, architecture: Architecture): ForeignMachine["firmware"] {
  const loader = os && child(os, "loader");
  const efi = os?.attributes.get("firmware") === "efi" || loader?.attributes.get("type") === "pflash";
  if (loader?.attributes.get("secure") === "yes") return "uefi-secure";
  return efi || architecture === "aarch64" ? "uefi" : "bios";
}

function kernelOf(os: Element | undefined): ForeignMachine["kernel"] {
  const kernel = os && childText(os, "kernel");
  if (!os || kernel === undefined || !isAbsolute(kernel)) return undefined;
  return { kernel, initrd: childText(os, "initrd"), append: childText(os, "cmdline") ?? "" };
}

const bytesOfUnit: Record<string, number> = {
  b: 1,
  bytes: 1,
  KB: 1000,
  k: 1024,
  KiB: 1024,
  MB: 1e6,
  M: 1024 ** 2,
  MiB: 1024 ** 2,
  GB: 1e9,
  G: 1024 ** 3,
  GiB: 1024 ** 3,
  TB: 1e12,
  T: 1024 ** 4,
  TiB: 1024 ** 4,
};

/** Without a unit it is KiB. */
function memoryOf(domain: Element, name: string): number | undefined {
  const element = child(domain, name);
  const value = wholeNumber(element?.text);
  return value === undefined ? undefined : value * (bytesOfUnit[element?.attributes.get("unit") ?? "KiB"] ?? 1024);
}

function wholeNumber(text: string | undefined): number | undefined {
  const value = Number(text?.trim());
  return text !== undefined && Number.isSafeInteger(value) && value > 0 ? value : undefined;
}

/** What has no place here yet, or is the host's business. */
function tuning(domain: Element, report: string[]): void {
  const names: Record<string, string> = {
    cputune: "processor pinning and shares",
    numatune: "NUMA placement",
    memtune: "memory limits",
    blkiotune: "disk weights",
    memoryBacking: "memory backing (huge pages)",
    launchSecurity: "memory encryption",
    sysinfo: "SMBIOS strings",
  };
  const found = domain.children.flatMap(({ name }) => names[name] ?? []);
  if (found.length > 0) report.push(`Not carried over: ${distinct(found).join(", ")}.`);
  const mode = child(domain, "cpu")?.attributes.get("mode");
  const model = child(domain, "cpu") && childText(child(domain, "cpu") as Element, "model");
  if (mode === "custom" || (mode === undefined && model !== undefined))
    report.push(`Its processor model ${model ?? ""} becomes the best of this host; set cpuModel for a fixed one.`);
}

function disksOf(devices: Element | undefined, report: string[], what: string): Pick<ForeignMachine, "disks" | "cdrom"> {
  const disks: ForeignDisk[] = [];
  let cdrom: ForeignMachine["cdrom"];
  for (const disk of all(devices, "disk")) {
    const device = disk.attributes.get("device") ?? "disk";
    const source = child(disk, "source");
    const file = source?.attributes.get("file");
    const target = child(disk, "target");
    const name = target?.attributes.get("dev") ?? "a disk";
    if (device === "floppy" || device === "lun") {
      report.push(`Not carried over: ${device} ${name}.`);
    } else if (device === "cdrom") {
      if (cdrom === undefined || (cdrom.file === undefined && file !== undefined)) cdrom = file === undefined ? {} : { file };
      else if (file !== undefined) report.push(`Only one CD drive is there: ${file} stays out.`);
    } else if (disk.attributes.get("type") !== "file" || file === undefined || !isAbsolute(file)) {
      report.push(`The disk ${name} is no file (${disk.attributes.get("type") ?? "unknown"}) and stays behind: copy it to one first.`);
    } else {
      disks.push({
        file,
        format: formatOf(disk),
        bus: busOf(target?.attributes.get("bus")),
        readOnly: child(disk, "readonly") !== undefined,
      });
    }
  }
  if (disks.length > mostDisks) throw vivError("untrusted-input", `${what} has ${disks.length} disks; at most ${mostDisks} are possible.`);
  return { disks, cdrom };
}

/** A raw disk is whatever its content says, so that nothing that is no disk is taken in. */
function formatOf(disk: Element): ForeignDisk["format"] {
  const type = child(disk, "driver")?.attributes.get("type");
  return type === "qcow2" || type === "vmdk" || type === "vdi" || type === "vhdx" || type === "vpc" ? type : undefined;
}

function busOf(bus: string | undefined): Disk["bus"] {
  if (bus === "virtio" || bus === "scsi" || bus === "nvme") return bus;
  return "sata";
}

function adaptersOf(devices: Element | undefined, report: string[]): ForeignAdapter[] {
  const found = all(devices, "interface");
  if (found.length > mostAdapters) report.push(`It had ${found.length} network adapters; ${mostAdapters} are possible.`);
  return found.slice(0, mostAdapters).map((adapter, index) => {
    const type = adapter.attributes.get("type") ?? "user";
    const source = child(adapter, "source")?.attributes;
    const where = source?.get("bridge") ?? source?.get("network") ?? source?.get("dev");
    if (type !== "user" && !(type === "network" && where === "default"))
      report.push(`Adapter ${index + 1} was on ${type}${where === undefined ? "" : ` ${where}`}; it is on NAT now.`);
    const model = child(adapter, "model")?.attributes.get("type") ?? "virtio";
    if (!/^(virtio|e1000e?)/.test(model)) report.push(`Adapter ${index + 1} was a ${model}; it is an e1000e now.`);
    return {
      model: model.startsWith("virtio") ? "virtio" : "e1000e",
      mac: unicastMac(child(adapter, "mac")?.attributes.get("address")),
      linkUp: child(adapter, "link")?.attributes.get("state") !== "down",
      forwards: descendants(adapter, "portForward").flatMap(forwardsOf),
    };
  });
}

/** `<portForward proto="tcp" address="…"><range start="2022" to="22"/></portForward>` of passt's backend. */
function forwardsOf(element: Element): ForeignAdapter["forwards"] {
  const protocol = element.attributes.get("proto") === "udp" ? "udp" : "tcp";
  return all(element, "range").flatMap((range) => {
    const hostPort = wholeNumber(range.attributes.get("start"));
    const guestPort = wholeNumber(range.attributes.get("to")) ?? hostPort;
    if (range.attributes.get("exclude") === "yes" || range.attributes.has("end") || hostPort === undefined || guestPort === undefined)
      return [];
    return [{ protocol, hostPort, guestPort }] as const;
  });
}

function displayOf(devices: Element | undefined): ForeignMachine["display"] {
  const [video] = all(devices, "video");
  const model = video && child(video, "model")?.attributes.get("type");
  if (model === "none" || (!video && !has(devices, "graphics"))) return "none";
  return model === "virtio" ? "virtio" : "std";
}

function bootOrderOf(os: Element | undefined): ForeignMachine["bootOrder"] {
  const words = { hd: "disk", cdrom: "cdrom", network: "network" } as const;
  const order = all(os, "boot").flatMap(({ attributes }) => words[attributes.get("dev") as keyof typeof words] ?? []);
  return order.length === 0 ? ["disk", "cdrom", "network"] : distinct(order);
}

function leftOut(devices: Element | undefined): string[] {
  const names: Record<string, string> = {
    hostdev: "devices of the host that were passed through",
    filesystem: "shared folders",
    sound: "sound",
    redirdev: "USB redirection",
    smartcard: "smart cards",
    parallel: "parallel ports",
    shmem: "shared memory",
    iommu: "the IOMMU",
    nvdimm: "persistent memory",
    panic: "the panic device",
  };
  const found = distinct((devices?.children ?? []).flatMap(({ name }) => names[name] ?? []));
  return found.length === 0 ? [] : [`Not carried over: ${found.join(", ")}.`];
}

function all(parent: Element | undefined, name: string): Element[] {
  return parent?.children.filter((each) => each.name === name) ?? [];
}

function has(parent: Element | undefined, name: string): boolean {
  return all(parent, name).length > 0;
}
