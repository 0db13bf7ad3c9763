import type { Definition, Disk, DiskLimits } from "../../model/index.ts";
import { cdromMedium, cdromNames, type DiskContext, diskDevice, diskNames, diskNode, type LaunchContext } from "../../qemu/index.ts";
import type { Step } from "../snapshots/plan.ts";

/** What is said to QEMU when disks and media change while a machine runs, as data: golden tests pin it. Pure. */

/** The image first, then the device on it. `definition` has the disk already. */
export function plugSteps(definition: Definition, disk: Disk, context: DiskContext): readonly [image: Step, device: Step] {
  const index = definition.disks.findIndex(({ id }) => id === disk.id);
  const names = diskNames(disk, index);
  const node = diskNode(disk, index, context);
  const device = diskDevice(definition, disk, index);
  return [
    { execute: "blockdev-add", arguments: { ...node, driver: String(node.driver), "node-name": names.node } },
    { execute: "device_add", arguments: { ...device, driver: String(device.driver), id: names.device } },
  ];
}

export function closeNode(node: string): Step {
  return { execute: "blockdev-del", arguments: { "node-name": node } };
}

/** The guest is asked; DEVICE_DELETED or DEVICE_UNPLUG_GUEST_ERROR is its answer. */
export function askToLetGo(device: string): Step {
  return { execute: "device_del", arguments: { id: device } };
}

export function growStep(node: string, bytes: number): Step {
  return { execute: "block_resize", arguments: { "node-name": node, size: bytes } };
}

/** @param path the device's QOM path, a virtio disk's backend; absent limits are lifted */
export function limitStep(path: string, limits: DiskLimits): Step {
  return {
    execute: "block_set_io_throttle",
    arguments: {
      id: path,
      bps: 0,
      bps_rd: limits.readBytesPerSecond ?? 0,
      bps_wr: limits.writeBytesPerSecond ?? 0,
      iops: 0,
      iops_rd: limits.readsPerSecond ?? 0,
      iops_wr: limits.writesPerSecond ?? 0,
    },
  };
}

export function openTrayStep(force: boolean): Step {
  return { execute: "blockdev-open-tray", arguments: { id: cdromNames.device, force } };
}

/** With the tray open: what is in the drive comes out, the new medium goes in, the tray closes. */
export function changeMediumSteps(
  change: { readonly loaded: boolean; readonly file: string | undefined },
  context: Pick<LaunchContext, "platform" | "machineDirectory">,
): Step[] {
  const id = cdromNames.device;
  const node = cdromNames.node;
  const out: Step[] = change.loaded ? [{ execute: "blockdev-remove-medium", arguments: { id } }, closeNode(node)] : [];
  const into: Step[] =
    change.file === undefined
      ? []
      : [
          { execute: "blockdev-add", arguments: { ...cdromMedium(change.file, context), driver: "raw", "node-name": node } },
          { execute: "blockdev-insert-medium", arguments: { id, "node-name": node } },
        ];
  return [...out, ...into, { execute: "blockdev-close-tray", arguments: { id } }];
}

/** Told once by BLOCK_WRITE_THRESHOLD, when the image grows past it. */
export function thresholdStep(fileNode: string, offset: number): Step {
  return { execute: "block-set-write-threshold", arguments: { "node-name": fileNode, "write-threshold": offset } };
}
