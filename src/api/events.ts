import * as z from "zod";
import { OperationView } from "../model/index.ts";
import { GuestPort } from "./guestMethods.ts";
import { MachineSummary } from "./methods.ts";

/** What vivd tells every client. One event names one machine, so that a view repaints one item. */
export const VivEvent = z.discriminatedUnion("event", [
  z.object({ event: z.literal("machine.changed"), at: z.string(), machine: MachineSummary }),
  z.object({ event: z.literal("machine.removed"), at: z.string(), id: z.string(), name: z.string() }),
  /** Its snapshots, disks or media are not what they were: lists of them are to be asked for again. */
  z.object({ event: z.literal("machine.storageChanged"), at: z.string(), id: z.string(), name: z.string() }),
  /** All that the guest listens on; sent while somebody watches (`guest.watchPorts`). */
  z.object({ event: z.literal("machine.portsChanged"), at: z.string(), id: z.string(), name: z.string(), ports: z.array(GuestPort) }),
  z.object({ event: z.literal("machine.readiness"), at: z.string(), id: z.string(), name: z.string(), step: z.string(), ms: z.number() }),
  z.object({
    event: z.literal("machine.notice"),
    at: z.string(),
    id: z.string(),
    name: z.string(),
    level: z.enum(["info", "warning", "error"]),
    message: z.string(),
    hint: z.string().optional(),
  }),
  /** Images came or went, or were verified: lists of them are to be asked for again. */
  z.object({ event: z.literal("image.changed"), at: z.string() }),
  /** Templates came or went, or were used: lists of them are to be asked for again. */
  z.object({ event: z.literal("template.changed"), at: z.string() }),
  /** A network of machines came, went or changed, or who is on it: ask again. Its counters change without a word. */
  z.object({ event: z.literal("network.changed"), at: z.string() }),
  z.object({ event: z.literal("daemon.stopping"), at: z.string(), reason: z.string() }),
]);
export type VivEvent = z.infer<typeof VivEvent>;

/** Progress of the caller's own request. */
export const ProgressReport = OperationView;
export type ProgressReport = z.infer<typeof ProgressReport>;

/** A stream's bytes, both ways, as notifications `stream.data` and `stream.end`; how they are written: streamForm.ts. */
export interface StreamData {
  stream: number;
  data: StreamBytes;
}
/** A message's content, or its parts. */
export type StreamBytes = Uint8Array | readonly Uint8Array[];
export interface StreamEnd {
  stream: number;
  reason: string;
}
