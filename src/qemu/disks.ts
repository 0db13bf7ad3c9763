import { type Definition, type Disk, diskSlot, vivError } from "../model/index.ts";
import { cdromNames, diskNames } from "./blockdev.ts";
import { pci } from "./board.ts";
import { bootIndex } from "./bootOrder.ts";
import { type JsonObject, option } from "./words.ts";

/** The guest's side of the disks: controllers, drives, the CD-ROM drive. */
export function diskDevices(definition: Definition): string[] {
  return [
    ...controllers(definition),
    ...definition.disks.flatMap((disk, index) => option("-device", diskDevice(definition, disk, index))),
    ...cdromDevice(definition),
  ];
}

const sataPorts = 6;

/** SATA port of the disk in a slot; port 0 of the first controller is the CD-ROM drive's. */
function sataBus(slot: number): string {
  const port = slot + 1;
  return `sata${Math.floor(port / sataPorts)}.${port % sataPorts}`;
}

/** AAVMF has no SATA driver worth trusting for media, so aarch64 gets a SCSI drive. */
function cdromIsScsi(definition: Definition): boolean {
  return definition.architecture === "aarch64";
}

function controllers(definition: Definition): string[] {
  const scsi = definition.disks.some((disk) => disk.bus === "scsi") || (definition.cdrom !== undefined && cdromIsScsi(definition));
  return [...(scsi ? option("-device", { driver: "virtio-scsi-pci", id: "scsi0", ...pci.scsi }) : []), ...sataControllers(definition)];
}

/** Function 0 must exist for a guest to look at the others, so controllers are counted from 0 up to the last one used. */
function sataControllers(definition: Definition): string[] {
  const used = definition.disks.flatMap((disk, index) =>
    disk.bus === "sata" ? [Math.floor((diskSlot(disk, index) + 1) / sataPorts)] : [],
  );
  if (definition.cdrom !== undefined && !cdromIsScsi(definition)) used.push(0);
  const count = Math.max(-1, ...used) + 1;
  return Array.from({ length: count }, (_, index) =>
    option("-device", { driver: "ich9-ahci", id: `sata${index}`, ...pci.sata(index) }),
  ).flat();
}

/** The device of a disk, for `-device` and `device_add`. */
export function diskDevice(definition: Pick<Definition, "bootOrder">, disk: Disk, index: number): JsonObject {
  const names = diskNames(disk, index);
  const slot = diskSlot(disk, index);
  const place = disk.port === undefined ? pci.disk(slot) : pci.behindPort(disk.port);
  const common = { id: names.device, drive: names.node, serial: names.serial, bootindex: bootIndex(definition, "disk", slot) };
  switch (disk.bus) {
    case "virtio":
      return { driver: "virtio-blk-pci", ...place, ...common, ...pauseOnError };
    case "nvme":
      return { driver: "nvme", ...place, ...common };
    case "scsi":
      return { driver: "scsi-hd", bus: "scsi0.0", "scsi-id": slot + 1, lun: 0, ...common, ...pauseOnError };
    case "sata":
      return { driver: "ide-hd", bus: sataBus(slot), ...requireWritable(disk, common), ...pauseOnError };
  }
}

/** A full host disk pauses the machine, which can go on once there is room. NVMe lacks the setting: its guest sees the error. */
const pauseOnError = { werror: "stop", rerror: "stop" } as const;

function requireWritable(disk: Disk, device: JsonObject): JsonObject {
  if (!disk.readOnly) return device;
  throw vivError("invalid-definition", `Disk “${disk.id}”: a SATA disk cannot be read-only.`, "Use bus virtio or scsi.");
}

function cdromDevice(definition: Definition): string[] {
  if (definition.cdrom === undefined) return [];
  return option("-device", {
    ...(cdromIsScsi(definition) ? { driver: "scsi-cd", bus: "scsi0.0", "scsi-id": 0, lun: 0 } : { driver: "ide-cd", bus: "sata0.0" }),
    id: cdromNames.device,
    drive: definition.cdrom.file === undefined ? undefined : cdromNames.node,
    bootindex: bootIndex(definition, "cdrom"),
  });
}
