import * as z from "zod";
import { Impairment, Rule, Subnet } from "../model/index.ts";
import { change, done, none, read } from "./method.ts";

/** Networks of machines on this host. `network` is a network's name. */

const network = z.string().min(1).max(100);

export const CaptureView = z.object({
  file: z.string(),
  /** Whose frames; null: everybody's, each once. */
  machine: z.string().nullable(),
  frames: z.int(),
  bytes: z.number(),
  /** Left out because the disk was too slow. */
  missed: z.int(),
  running: z.boolean(),
  problem: z.string().nullable(),
});
export type CaptureView = z.infer<typeof CaptureView>;

export const NetworkPort = z.object({
  machine: z.string(),
  mac: z.string(),
  /** By DHCP; null: none yet. */
  address: z.string().nullable(),
  connected: z.boolean(),
  /** Seen from the network: `In` is what the machine sent. */
  framesIn: z.number(),
  bytesIn: z.number(),
  framesOut: z.number(),
  bytesOut: z.number(),
  drops: z.object({
    malformed: z.number(),
    spoofed: z.number(),
    storm: z.number(),
    denied: z.number(),
    impaired: z.number(),
    congested: z.number(),
  }),
  impairment: Impairment.optional(),
  /** Why its connection was ended last. */
  problem: z.string().nullable(),
});
export type NetworkPort = z.infer<typeof NetworkPort>;

export const SegmentView = z.object({
  name: z.string(),
  kind: z.literal("segment"),
  subnet: z.string(),
  /** Machines' names end with it: `web.lab.internal`. */
  domain: z.string(),
  dhcp: z.boolean(),
  isolation: z.boolean(),
  rules: z.array(Rule),
  /** Machines with an adapter on it, running or not. */
  machines: z.array(z.string()),
  /** Of its process; null: no machine on it runs. */
  pid: z.int().nullable(),
  /** network.json cannot be used. */
  problem: z.string().optional(),
});
export type SegmentView = z.infer<typeof SegmentView>;

export const SegmentDetails = SegmentView.extend({
  ports: z.array(NetworkPort),
  leases: z.array(z.object({ mac: z.string(), address: z.string(), machine: z.string().nullable() })),
  capture: CaptureView.nullable(),
});
export type SegmentDetails = z.infer<typeof SegmentDetails>;

const settings = {
  subnet: Subnet.optional(),
  dhcp: z.boolean().optional(),
  isolation: z.boolean().optional(),
  rules: z.array(Rule).max(256).optional(),
};

export const networkMethods = {
  "network.list": read("Networks of machines on this host", none, z.array(SegmentView)),
  "network.show": read("A network with its ports, their counters, leases and capture", z.strictObject({ network }), SegmentDetails),
  "network.create": change(
    "Make a network of machines: a switch with DHCP and names, which reaches neither this host nor anything outside",
    z.strictObject({ name: z.string(), ...settings }),
    SegmentView,
  ),
  "network.set": change("Change a network, at once", z.strictObject({ network, ...settings }), SegmentView),
  "network.remove": change("Remove a network that no machine has an adapter on", z.strictObject({ network }), done),
  "network.impair": change(
    "Make a machine’s link bad, or with `impairment: null` good again",
    z.strictObject({ network, machine: z.string(), impairment: Impairment.nullable() }),
    SegmentDetails,
  ),
  "network.startCapture": change(
    "Write frames to a new pcapng file of this host, which can be read meanwhile; of one machine, or each frame once",
    z.strictObject({
      network,
      /** Absolute. */
      file: z.string(),
      machine: z.string().optional(),
      maximumBytes: z.int().min(1000).max(1e13).default(1e9),
    }),
    CaptureView,
  ),
  "network.stopCapture": change("End the capture", z.strictObject({ network }), CaptureView.nullable()),
} as const;
