import * as z from "zod";
import { Port } from "../model/index.ts";
import { done, machine, operation, read } from "./method.ts";

/** Ports of a guest that this host reaches through a NAT adapter. */

const protocol = z.enum(["tcp", "udp"]).default("tcp");

export const ForwardView = z.object({
  protocol: z.enum(["tcp", "udp"]),
  hostAddress: z.string(),
  /** null: chosen at the next start. */
  hostPort: z.int().nullable(),
  guestPort: z.int(),
  adapter: z.int(),
  /** false: from the next start on. */
  open: z.boolean(),
  /** There again after the next start: it is in vm.json, or the way to SSH. */
  kept: z.boolean(),
});
export type ForwardView = z.infer<typeof ForwardView>;

export const forwardMethods = {
  "forward.list": read(
    "The forwards of a machine: open ones, and those of its next start",
    z.strictObject({ machine }),
    z.array(ForwardView),
  ),
  "forward.add": operation(
    "Forward a port of this host to the guest, at once where it runs; a host port that is busy gives way to the next free one",
    z.strictObject({
      machine,
      protocol,
      hostAddress: z.ipv4().default("127.0.0.1"),
      hostPort: Port.optional(),
      guestPort: Port,
      /** Until the machine stops; vm.json does not get it. */
      once: z.boolean().default(false),
    }),
    ForwardView,
  ),
  "forward.remove": operation(
    "Take a forward away, at once where the guest runs, and out of vm.json",
    z.strictObject({ machine, protocol, hostPort: Port.optional(), guestPort: Port }),
    done,
  ),
} as const;
