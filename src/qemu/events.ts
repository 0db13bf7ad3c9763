import * as z from "zod";

/** The QMP events we act on, and what we read of each. QEMU limits RTC_CHANGE, WATCHDOG, BALLOON_CHANGE, VSERPORT_CHANGE and BLOCK_IO_ERROR to one a second. */
const nothing = z.looseObject({});

export const ShutdownReason = z.enum([
  ...(["none", "host-error", "host-qmp-quit", "host-qmp-system-reset", "host-signal", "host-ui"] as const),
  ...(["guest-shutdown", "guest-reset", "guest-panic", "subsystem-reset", "snapshot-load"] as const),
]);
export type ShutdownReason = z.infer<typeof ShutdownReason>;

export const eventData = {
  SHUTDOWN: z.looseObject({ guest: z.boolean(), reason: ShutdownReason.catch("none") }),
  RESET: z.looseObject({ guest: z.boolean(), reason: ShutdownReason.catch("none") }),
  POWERDOWN: nothing,
  STOP: nothing,
  RESUME: nothing,
  SUSPEND: nothing,
  SUSPEND_DISK: nothing,
  WAKEUP: nothing,
  GUEST_PANICKED: z.looseObject({ action: z.string() }),
  WATCHDOG: z.looseObject({ action: z.string() }),
  /** `nospace`: the host's disk is full. */
  BLOCK_IO_ERROR: z.looseObject({
    device: z.string(),
    "node-name": z.string().optional(),
    operation: z.enum(["read", "write"]),
    action: z.string(),
    nospace: z.boolean().optional(),
    reason: z.string(),
  }),
  BLOCK_IMAGE_CORRUPTED: z.looseObject({ "node-name": z.string().optional(), msg: z.string(), fatal: z.boolean() }),
  /** Needs migration capability `events`. */
  MIGRATION: z.looseObject({ status: z.string() }),
  /** A port of the guest opened or closed: `agent-port` is qemu-guest-agent's. */
  VSERPORT_CHANGE: z.looseObject({ id: z.string(), open: z.boolean() }),
  DEVICE_DELETED: z.looseObject({ device: z.string().optional(), path: z.string() }),
  /** The guest was asked to let go of a device, and keeps it. */
  DEVICE_UNPLUG_GUEST_ERROR: z.looseObject({ device: z.string().optional(), path: z.string() }),
  /** Opened or closed by the guest or by us. */
  DEVICE_TRAY_MOVED: z.looseObject({ device: z.string(), id: z.string(), "tray-open": z.boolean() }),
  /** A node was written beyond the offset it watches; it watches no more. */
  BLOCK_WRITE_THRESHOLD: z.looseObject({ "node-name": z.string() }),
  JOB_STATUS_CHANGE: z.looseObject({ id: z.string(), status: z.string() }),
  BALLOON_CHANGE: z.looseObject({ actual: z.number() }),
  /** Seconds the guest's clock now differs from the host's. */
  RTC_CHANGE: z.looseObject({ offset: z.number() }),
} as const;

export type EventName = keyof typeof eventData;
export type EventData<N extends EventName> = z.output<(typeof eventData)[N]>;

/** Any event, known to us or not. `at` is QEMU's time in ms since 1970. */
export interface QmpEvent {
  readonly name: string;
  readonly data: Readonly<Record<string, unknown>>;
  readonly at: number;
}
