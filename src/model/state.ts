import * as z from "zod";
import { FirstBootRecord } from "./firstBoot.ts";
import { PluggedShare, Sharing } from "./shares.ts";
import { ForkRecord } from "./templates.ts";

/** What is so: the states a machine can be in, and what `state.json` records. */

export const PauseCause = z.enum(["user", "internal-error", "disk-full", "io-error", "panic", "watchdog", "guest-suspended"]);
export type PauseCause = z.infer<typeof PauseCause>;

/** An operation in progress, as people see it. `percent` 0–100 where it can be known. */
export const OperationView = z.object({ kind: z.string(), step: z.string(), percent: z.number().min(0).max(100).optional() });
export type OperationView = z.infer<typeof OperationView>;

/** Times are ISO 8601 in UTC. Never “unknown”: every case has a name. */
export const MachineState = z.discriminatedUnion("state", [
  z.object({ state: z.literal("stopped") }),
  z.object({ state: z.literal("starting"), pid: z.int().optional(), since: z.string() }),
  z.object({ state: z.literal("running"), pid: z.int(), since: z.string(), responding: z.boolean() }),
  z.object({ state: z.literal("paused"), because: PauseCause, pid: z.int(), since: z.string(), responding: z.boolean() }),
  z.object({ state: z.literal("suspended"), since: z.string() }),
  z.object({ state: z.literal("stopping"), pid: z.int().optional(), since: z.string() }),
  z.object({ state: z.literal("failed"), reason: z.string(), message: z.string(), hint: z.string().optional(), at: z.string() }),
  z.object({ state: z.literal("damaged"), reason: z.string(), hint: z.string().optional() }),
]);
export type MachineState = z.infer<typeof MachineState>;
export type StateName = MachineState["state"];

/** A process beyond doubt: a pid is reused, a pid with its start time is not. */
export const ProcessIdentity = z.object({ pid: z.int().positive(), startTime: z.string() });
export type ProcessIdentity = z.infer<typeof ProcessIdentity>;

/** Milliseconds from the start request to each step of the readiness ladder. */
export const Readiness = z.object({
  qmp: z.number().optional(),
  firmware: z.number().optional(),
  kernel: z.number().optional(),
  init: z.number().optional(),
  network: z.number().optional(),
  agent: z.number().optional(),
  ssh: z.number().optional(),
  /** The user's own, by their names. */
  probes: z.record(z.string(), z.number()).optional(),
  /** Everything: the first boot done, an agent or SSH, each probe. */
  ready: z.number().optional(),
});
export type Readiness = z.infer<typeof Readiness>;
export const readinessSteps = [
  "qmp",
  "firmware",
  "kernel",
  "init",
  "network",
  "agent",
  "ssh",
] as const satisfies readonly (keyof Readiness)[];
export type ReadinessStep = (typeof readinessSteps)[number];

export const RuntimeForward = z.object({
  protocol: z.enum(["tcp", "udp"]),
  hostAddress: z.string(),
  hostPort: z.int(),
  guestPort: z.int(),
  adapter: z.int(),
});
export type RuntimeForward = z.infer<typeof RuntimeForward>;

/** The QEMU process of a machine that runs, as recorded when it was spawned. */
export const RunRecord = ProcessIdentity.extend({
  accelerator: z.enum(["kvm", "hvf", "whpx", "tcg"]),
  qemuId: z.string(),
  qemuVersion: z.string(),
  startedAt: z.string(),
  requestedAt: z.string(),
  /** The definition it was started with (what the guest has now; vm.json is what it gets next). */
  definition: z.unknown(),
  forwards: z.array(RuntimeForward).default([]),
  /** Shared folders whose devices the guest has. */
  shares: z.array(PluggedShare).optional(),
  /** What its process can share; absent: nothing. */
  sharing: Sharing.optional(),
  readiness: Readiness.default({}),
  pausedBecause: PauseCause.optional(),
  /** It goes on with memory from a file; it did not boot. */
  woken: z.boolean().optional(),
  /** Id of the template whose memory it maps: until it ends. */
  template: z.string().optional(),
  /** Forwards of a clone that was woken, not opened before its guest has become itself. */
  withheld: z.array(RuntimeForward).optional(),
});
export type RunRecord = z.infer<typeof RunRecord>;

/** Written before each step of a long operation, so that the next vivd can finish it or undo it. */
export const OperationRecord = z.object({
  kind: z.enum([
    ...(["create", "start", "stop", "suspend", "wake", "remove", "rename"] as const),
    ...(["snapshot", "restore", "merge", "disk", "share", "forward", "clone", "export", "import", "template", "fork"] as const),
  ]),
  step: z.string(),
  startedAt: z.string(),
  owner: ProcessIdentity,
  data: z.record(z.string(), z.unknown()).default({}),
});
export type OperationRecord = z.infer<typeof OperationRecord>;

export const SuspendRecord = z.object({
  file: z.string(),
  at: z.string(),
  qemuId: z.string(),
  accelerator: z.enum(["kvm", "hvf", "whpx", "tcg"]),
  bytes: z.number(),
  definition: z.unknown(),
  qemuVersion: z.string().optional(),
  /** Pages at fixed places in the file (a snapshot's). */
  mappedRam: z.boolean().optional(),
  /** The memory is that of a snapshot, which keeps it: the machine was put back and has not run since. */
  snapshot: z.string().optional(),
});
export type SuspendRecord = z.infer<typeof SuspendRecord>;

export const FailureRecord = z.object({ reason: z.string(), message: z.string(), hint: z.string().optional(), at: z.string() });
export type FailureRecord = z.infer<typeof FailureRecord>;

/** The content of `state.json`. */
export const StateFile = z.object({
  schema: z.literal(1),
  wanted: z.enum(["running", "stopped", "suspended"]),
  run: RunRecord.optional(),
  operation: OperationRecord.optional(),
  suspended: SuspendRecord.optional(),
  failure: FailureRecord.optional(),
  /** Who a clone's guest is to become, until its agent was told. */
  identity: z
    .object({
      hostname: z.string(),
      machineId: z.string(),
      /** Login keys (base64) that its own one replaces in the guest. */
      loginKeysBefore: z.array(z.string()).default([]),
      /** A fork: clock, randomness, host name and machine-id first, in one message; it is ready then. */
      quick: z.boolean().optional(),
    })
    .optional(),
  /** It came from this template and shares with it what it has not written itself; gone once it is kept. */
  fork: ForkRecord.optional(),
  /** The guest has had its first boot: nothing of `firstBoot` is handed to it again. */
  firstBoot: FirstBootRecord.optional(),
  /** Host ports of the last start, taken again when they are free. */
  lastForwards: z.array(RuntimeForward).optional(),
  /** Readiness of past starts, newest first, at most ten. */
  readinessHistory: z.array(Readiness).default([]),
});
export type StateFile = z.infer<typeof StateFile>;
