import * as z from "zod";
import { MachineName } from "./definition.ts";
import { FileStamp } from "./snapshots.ts";

/**
 * A template is a machine at one moment, kept so that others can go on from it: memory as a flat file that they map, the
 * devices' state, disks as frozen layers. `templates/<name>/template.json`; written whole. Times are ISO 8601 in UTC.
 */
export const TemplateRecord = z.object({
  schema: z.literal(1),
  id: z.uuid(),
  name: MachineName,
  note: z.string().max(2000).optional(),
  createdAt: z.string(),
  lastUsedAt: z.string(),
  /** Made on the way by a fork of a machine: goes when room is needed and nothing runs on it. */
  implicit: z.boolean(),
  /** What it was made of. */
  source: z.object({ name: z.string(), id: z.string(), snapshot: z.string().optional() }),
  /** The guest's definition at that moment. */
  definition: z.unknown(),
  /** Size of the guest's memory; the file is sparse. */
  memoryBytes: z.number(),
  /** Only the same QEMU, accelerator and processor can go on with it. */
  qemuId: z.string(),
  qemuVersion: z.string(),
  accelerator: z.enum(["kvm", "hvf", "whpx", "tcg"]),
  cpuModel: z.string(),
  /** The host's processor, where the guest sees it (any accelerator but TCG). */
  processor: z.string().optional(),
  /** SHA-256 of what the command line says of the hardware. */
  hardware: z.string(),
  /** Public keys (base64) that may log in to the guest; a fork's own takes their place. */
  loginKeys: z.array(z.string()).default([]),
  /** How its files were left; whoever writes to one changes at least one of these facts. */
  files: z.object({ memory: FileStamp, state: FileStamp }),
  /** Milliseconds the machine stood still for it. */
  pausedMs: z.number().optional(),
});
export type TemplateRecord = z.infer<typeof TemplateRecord>;

/** In a fork's state.json. */
export const ForkRecord = z.object({
  template: z.string(),
  templateName: z.string(),
  at: z.string(),
});
export type ForkRecord = z.infer<typeof ForkRecord>;
