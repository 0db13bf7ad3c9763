import * as z from "zod";
import type { HumanCommand } from "./humanMonitor.ts";

/**
 * The QMP commands we use: what each takes and what we read of its answer (docs/interop/qemu-qmp-ref).
 * To use another one, add it here. Answers may carry more than is listed: QEMU adds members with every version.
 */

const nothing = z.looseObject({});
const noArguments = z.strictObject({});

function command<A extends z.ZodType, R extends z.ZodType>(args: A, returns: R): { args: A; returns: R } {
  return { args, returns };
}

export const RunStatus = z.enum([
  ...(["debug", "inmigrate", "internal-error", "io-error", "paused", "postmigrate", "prelaunch", "finish-migrate"] as const),
  ...(["restore-vm", "running", "save-vm", "shutdown", "suspended", "watchdog", "guest-panicked", "colo"] as const),
]);
export type RunStatus = z.infer<typeof RunStatus>;

/** Bytes of RAM: how much there is, went over, remains. Times in ms. */
const MigrationInfo = z.looseObject({
  status: z.string().optional(),
  ram: z.looseObject({ total: z.number(), transferred: z.number(), remaining: z.number() }).optional(),
  "total-time": z.number().optional(),
  downtime: z.number().optional(),
  "error-desc": z.string().optional(),
  "blocked-reasons": z.array(z.string()).optional(),
});
export type MigrationInfo = z.infer<typeof MigrationInfo>;

const BlockImage = z.looseObject({
  filename: z.string(),
  format: z.string(),
  "virtual-size": z.number(),
  "actual-size": z.number().optional(),
});

const BlockInfo = z.looseObject({
  device: z.string(),
  qdev: z.string().optional(),
  "io-status": z.enum(["ok", "failed", "nospace"]).optional(),
  /** Of a removable medium's drive. */
  locked: z.boolean().optional(),
  tray_open: z.boolean().optional(),
  inserted: z.looseObject({ "node-name": z.string().optional(), ro: z.boolean(), image: BlockImage }).optional(),
});

const NamedNode = z.looseObject({
  "node-name": z.string(),
  drv: z.string(),
  file: z.string(),
  ro: z.boolean(),
  cache: z.looseObject({ direct: z.boolean(), "no-flush": z.boolean() }).optional(),
});

const BlockStats = z.looseObject({
  "node-name": z.string().optional(),
  qdev: z.string().optional(),
  stats: z.looseObject({ rd_bytes: z.number(), wr_bytes: z.number(), rd_operations: z.number(), wr_operations: z.number() }),
});

const JobInfo = z.looseObject({
  id: z.string(),
  type: z.string(),
  status: z.string(),
  "current-progress": z.number(),
  "total-progress": z.number(),
  error: z.string().optional(),
});

const jobId = z.strictObject({ id: z.string() });

/** What several actions at one moment may be; a refused one undoes the others. */
const TransactionAction = z.discriminatedUnion("type", [
  z.strictObject({ type: z.literal("blockdev-snapshot"), data: z.strictObject({ node: z.string(), overlay: z.string() }) }),
  z.strictObject({ type: z.literal("block-dirty-bitmap-add"), data: z.looseObject({ node: z.string(), name: z.string() }) }),
]);
export type TransactionAction = z.infer<typeof TransactionAction>;

const InputButton = z.enum(["left", "middle", "right", "wheel-up", "wheel-down"]);

const KeyValue = z.strictObject({ type: z.literal("qcode"), data: z.string() });

/** Pointer values 0–32767 over the whole screen. */
const InputEvent = z.discriminatedUnion("type", [
  z.strictObject({ type: z.literal("key"), data: z.strictObject({ down: z.boolean(), key: KeyValue }) }),
  z.strictObject({ type: z.literal("btn"), data: z.strictObject({ down: z.boolean(), button: InputButton }) }),
  z.strictObject({ type: z.literal("abs"), data: z.strictObject({ axis: z.enum(["x", "y"]), value: z.int() }) }),
]);
export type InputEvent = z.infer<typeof InputEvent>;

export const commands = {
  "query-status": command(noArguments, z.looseObject({ running: z.boolean(), status: RunStatus })),
  "query-uuid": command(noArguments, z.looseObject({ UUID: z.string() })),
  "query-name": command(noArguments, z.looseObject({ name: z.string().optional() })),
  "query-version": command(
    noArguments,
    z.looseObject({ qemu: z.looseObject({ major: z.int(), minor: z.int(), micro: z.int() }), package: z.string() }),
  ),
  "query-cpus-fast": command(noArguments, z.array(z.looseObject({ "cpu-index": z.int(), "thread-id": z.int() }))),
  "query-chardev": command(noArguments, z.array(z.looseObject({ label: z.string(), "frontend-open": z.boolean() }))),
  cont: command(noArguments, nothing),
  stop: command(noArguments, nothing),
  system_powerdown: command(noArguments, nothing),
  system_reset: command(noArguments, nothing),
  system_wakeup: command(noArguments, nothing),
  quit: command(noArguments, nothing),
  "query-block": command(noArguments, z.array(BlockInfo)),
  "query-named-block-nodes": command(z.strictObject({ flat: z.boolean().optional() }), z.array(NamedNode)),
  "query-blockstats": command(z.strictObject({ "query-nodes": z.boolean().optional() }), z.array(BlockStats)),
  "blockdev-add": command(z.looseObject({ driver: z.string(), "node-name": z.string() }), nothing),
  /** What is left out gets its default; children are named. */
  "blockdev-reopen": command(z.strictObject({ options: z.array(z.looseObject({ driver: z.string(), "node-name": z.string() })) }), nothing),
  "blockdev-del": command(z.strictObject({ "node-name": z.string() }), nothing),
  transaction: command(z.strictObject({ actions: z.array(TransactionAction) }), nothing),
  /** Jobs: machine/blockJobs.ts runs one to its end. `device` is the top node of the chain. */
  "block-commit": command(
    z.strictObject({
      "job-id": z.string(),
      device: z.string(),
      "top-node": z.string().optional(),
      "base-node": z.string().optional(),
      "backing-file": z.string().optional(),
      "backing-mask-protocol": z.boolean().optional(),
      speed: z.int().optional(),
      "auto-dismiss": z.literal(false),
      /** False: it waits, `pending`, for `job-finalize`. */
      "auto-finalize": z.literal(false).optional(),
    }),
    nothing,
  ),
  "block-stream": command(
    z.strictObject({
      "job-id": z.string(),
      device: z.string(),
      "base-node": z.string().optional(),
      "backing-file": z.string().optional(),
      "backing-mask-protocol": z.boolean().optional(),
      speed: z.int().optional(),
      "auto-dismiss": z.literal(false),
      /** False: it waits, `pending`, for `job-finalize`. */
      "auto-finalize": z.literal(false).optional(),
    }),
    nothing,
  ),
  "blockdev-mirror": command(
    z.strictObject({
      "job-id": z.string(),
      device: z.string(),
      target: z.string(),
      sync: z.enum(["top", "full", "none", "incremental"]),
      "copy-mode": z.enum(["background", "write-blocking"]).optional(),
      "auto-dismiss": z.literal(false),
    }),
    nothing,
  ),
  "blockdev-backup": command(
    z.strictObject({
      "job-id": z.string(),
      device: z.string(),
      target: z.string(),
      sync: z.enum(["top", "full", "none", "incremental"]),
      "auto-dismiss": z.literal(false),
    }),
    nothing,
  ),
  "query-jobs": command(noArguments, z.array(JobInfo)),
  "job-cancel": command(jobId, nothing),
  "job-complete": command(jobId, nothing),
  "job-finalize": command(jobId, nothing),
  "job-dismiss": command(jobId, nothing),
  /** Bytes from the node's start; 0 watches nothing. */
  "block-set-write-threshold": command(z.strictObject({ "node-name": z.string(), "write-threshold": z.int() }), nothing),
  /** By the device's QOM path; 0 lifts a limit. */
  block_set_io_throttle: command(
    z.strictObject({
      id: z.string(),
      bps: z.int(),
      bps_rd: z.int(),
      bps_wr: z.int(),
      iops: z.int(),
      iops_rd: z.int(),
      iops_wr: z.int(),
    }),
    nothing,
  ),
  block_resize: command(z.strictObject({ "node-name": z.string(), size: z.int() }), nothing),
  "blockdev-open-tray": command(z.strictObject({ id: z.string(), force: z.boolean().optional() }), nothing),
  "blockdev-close-tray": command(z.strictObject({ id: z.string() }), nothing),
  "blockdev-insert-medium": command(z.strictObject({ id: z.string(), "node-name": z.string() }), nothing),
  "blockdev-remove-medium": command(z.strictObject({ id: z.string() }), nothing),
  device_add: command(z.looseObject({ driver: z.string(), id: z.string() }), nothing),
  /** A socket that QEMU dials: virtiofsd's. */
  "chardev-add": command(
    z.strictObject({ id: z.string(), backend: z.strictObject({ type: z.literal("socket"), data: z.unknown() }) }),
    nothing,
  ),
  "chardev-remove": command(z.strictObject({ id: z.string() }), nothing),
  "qom-list": command(z.strictObject({ path: z.string() }), z.array(z.looseObject({ name: z.string() }))),
  device_del: command(z.strictObject({ id: z.string() }), nothing),
  "object-add": command(z.looseObject({ "qom-type": z.string(), id: z.string() }), nothing),
  "object-del": command(z.strictObject({ id: z.string() }), nothing),
  netdev_add: command(z.looseObject({ type: z.string(), id: z.string() }), nothing),
  netdev_del: command(z.strictObject({ id: z.string() }), nothing),
  set_link: command(z.strictObject({ name: z.string(), up: z.boolean() }), nothing),
  migrate: command(z.strictObject({ uri: z.string() }), nothing),
  "migrate-incoming": command(z.strictObject({ uri: z.string() }), nothing),
  "migrate-set-capabilities": command(
    z.strictObject({ capabilities: z.array(z.strictObject({ capability: z.string(), state: z.boolean() })) }),
    nothing,
  ),
  "migrate-set-parameters": command(z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])), nothing),
  "migrate-continue": command(z.strictObject({ state: z.string() }), nothing),
  migrate_cancel: command(noArguments, nothing),
  "query-migrate": command(noArguments, MigrationInfo),
  screendump: command(
    z.strictObject({ filename: z.string(), format: z.enum(["png", "ppm"]).optional(), device: z.string().optional() }),
    nothing,
  ),
  "input-send-event": command(z.strictObject({ events: z.array(InputEvent) }), nothing),
  "send-key": command(z.strictObject({ keys: z.array(KeyValue), "hold-time": z.int().optional() }), nothing),
  /** Target size of the guest's memory, bytes. */
  balloon: command(z.strictObject({ value: z.int() }), nothing),
  "query-balloon": command(noArguments, z.looseObject({ actual: z.number() })),
  /** Properties of devices; what they hold is theirs (`guest-stats` of the balloon: docs/interop/virtio-balloon-stats). */
  "qom-get": command(z.strictObject({ path: z.string(), property: z.string() }), z.unknown()),
  "qom-set": command(z.strictObject({ path: z.string(), property: z.string(), value: z.unknown() }), nothing),
  /** Text in, text out, and no error but the text: only what `humanMonitor.ts` builds. */
  "human-monitor-command": command(
    z.strictObject({ "command-line": z.custom<HumanCommand>((value) => typeof value === "string") }),
    z.string(),
  ),
  /** Out of band, for the rescue monitor. */
  "query-yank": command(noArguments, z.array(z.looseObject({ type: z.string() }))),
  yank: command(z.strictObject({ instances: z.array(z.looseObject({ type: z.string() })) }), nothing),
  "migrate-pause": command(noArguments, nothing),
} as const;

export type CommandName = keyof typeof commands;
export type CommandArguments<N extends CommandName> = z.input<(typeof commands)[N]["args"]>;
export type CommandReturn<N extends CommandName> = z.output<(typeof commands)[N]["returns"]>;
