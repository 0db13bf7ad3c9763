import * as z from "zod";
import { Architecture } from "../model/index.ts";
import { machine, operation, read } from "./method.ts";

/** Machines and images in and out: clones, export, import, and what can go. */

export const ImageInspection = z.object({
  file: z.string(),
  /** Null: none that we know. */
  format: z.enum(["qcow2", "raw", "vmdk", "vdi", "vhdx", "vpc", "iso", "ova"]).nullable(),
  virtualBytes: z.number().nullable(),
  allocatedBytes: z.number(),
  /** Backing files named in the headers, this file's first. */
  chain: z.array(z.object({ file: z.string(), format: z.string().nullable() })),
  snapshots: z.array(z.object({ id: z.string(), name: z.string(), createdAt: z.string(), memoryBytes: z.number() })),
  partitions: z.array(
    z.object({
      number: z.int(),
      type: z.string(),
      label: z.string().optional(),
      startByte: z.number(),
      bytes: z.number(),
      bootable: z.boolean(),
    }),
  ),
  /** Text lines about the format: subformat, clusters, creator. */
  facts: z.array(z.object({ name: z.string(), value: z.string() })),
  /** Why it will not be taken in, when so. */
  refused: z.string().optional(),
});
export type ImageInspection = z.infer<typeof ImageInspection>;

export const PruneItem = z.object({
  kind: z.enum(["machine", "snapshot", "disk", "template", "image", "bundle", "leftover"]),
  /** A machine's name, an image's, a folder. */
  name: z.string(),
  detail: z.string(),
  bytes: z.number(),
});
export type PruneItem = z.infer<typeof PruneItem>;

export const transferMethods = {
  "machine.clone": operation(
    "Make a new machine of a machine (stopped or running) or one of its snapshots; `linked` shares what is there now. It gets an identity of its own",
    z.strictObject({ machine, name: z.string(), snapshot: z.string().optional(), linked: z.boolean().default(false) }),
    z.object({ id: z.string(), name: z.string(), linked: z.boolean(), way: z.enum(["linked", "reflink", "copy"]) }),
  ),
  "machine.export": operation(
    "Write a stopped machine's disk, or as OVA the whole machine, to a file",
    z.strictObject({
      machine,
      file: z.string(),
      format: z.enum(["qcow2", "raw", "vmdk", "vdi", "ova"]).optional(),
      /** Absent: the only disk, or the first. */
      disk: z.string().optional(),
      snapshot: z.string().optional(),
      overwrite: z.boolean().default(false),
    }),
    z.object({ file: z.string(), bytes: z.number(), sha256: z.string() }),
  ),
  "machine.import": operation(
    "Make a machine of a disk image (qcow2, raw, vmdk, vdi, vhdx, vpc), an OVA, or a definition of libvirt (XML) or VirtualBox (.vbox). Headers are checked by us, then a copy is made",
    z.strictObject({
      file: z.string(),
      name: z.string(),
      format: z.enum(["qcow2", "raw", "vmdk", "vdi", "vhdx", "vpc", "ova"]).optional(),
      architecture: Architecture.optional(),
      firmware: z.enum(["bios", "uefi"]).optional(),
    }),
    z.object({ id: z.string(), name: z.string(), notes: z.array(z.string()) }),
  ),
  "image.inspect": read(
    "What an image file is, read by us alone and never opened by QEMU",
    z.strictObject({ file: z.string() }),
    ImageInspection,
  ),
  "image.check": operation(
    "Check an image file that no machine uses",
    z.strictObject({ file: z.string() }),
    z.object({ sound: z.boolean(), corruptions: z.int(), leaks: z.int() }),
  ),
  "image.convert": operation(
    "Write an image file in another format",
    z.strictObject({
      file: z.string(),
      target: z.string(),
      format: z.enum(["qcow2", "raw", "vmdk", "vdi"]),
      overwrite: z.boolean().default(false),
    }),
    z.object({ file: z.string(), bytes: z.number() }),
  ),
  "prune.list": read("What can go, and what it frees", z.strictObject({ machine: machine.optional() }), z.array(PruneItem)),
  "prune.run": operation(
    "Delete for good what can go: removed machines, snapshots and disks, images and QEMU builds nobody needs, leftovers of crashes",
    z.strictObject({ machine: machine.optional(), kinds: z.array(PruneItem.shape.kind).optional() }),
    z.object({ freedBytes: z.number(), items: z.array(PruneItem) }),
  ),
} as const;
