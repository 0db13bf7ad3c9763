import * as z from "zod";
import { change, done, machine, none, operation, read } from "./method.ts";

/** Templates and the machines that go on from them (docs/forks.md). `template` is a template's name or id. */

const template = z.string().min(1).max(200);

export const TemplateView = z.object({
  id: z.string(),
  name: z.string(),
  note: z.string().optional(),
  createdAt: z.string(),
  lastUsedAt: z.string(),
  /** Made on the way by a fork of a machine: goes when room is needed and nothing runs on it. */
  implicit: z.boolean(),
  /** The machine it was made of; its snapshot's id where it was one. */
  source: z.object({ name: z.string(), id: z.string(), snapshot: z.string().optional() }),
  memoryBytes: z.number(),
  /** Bytes of the host that come free with it. */
  ownBytes: z.number(),
  qemuVersion: z.string(),
  accelerator: z.string(),
  architecture: z.string(),
  cpus: z.int(),
  image: z.string().optional(),
  /** Milliseconds the machine stood still for it. */
  pausedMs: z.number().optional(),
  /** Machines that came from it and are not kept; `running`: those that map its memory. */
  forks: z.array(z.object({ id: z.string(), name: z.string(), running: z.boolean() })),
  /** Why it cannot be forked. */
  problem: z.string().optional(),
});
export type TemplateView = z.infer<typeof TemplateView>;

export const ForkView = z.object({
  name: z.string(),
  id: z.string(),
  state: z.string(),
  /** From the request to its agent's answer, its clock, host name and machine-id set. Null: it runs, and is not ready. */
  readyMs: z.number().nullable(),
  /** Why it is not ready. */
  reason: z.string().optional(),
});
export type ForkView = z.infer<typeof ForkView>;

export const forkMethods = {
  "template.list": read("Every template, damaged ones included", none, z.array(TemplateView)),
  "template.show": read("One template", z.strictObject({ template }), TemplateView),
  "template.create": operation(
    "Make a template of a running machine, which goes on, or of a snapshot with memory: memory and disks of one moment, for any number of forks",
    z.strictObject({ machine, name: z.string().optional(), note: z.string().max(2000).optional(), snapshot: z.string().optional() }),
    TemplateView,
  ),
  "template.edit": change(
    "Rename a template or change its note (an empty note removes it)",
    z.strictObject({ template, name: z.string().optional(), note: z.string().max(2000).optional() }),
    TemplateView,
  ),
  "template.remove": operation(
    "Delete a template for good; refused while a fork of it runs",
    z.strictObject({ template }),
    z.object({ freedBytes: z.number() }),
  ),
  "fork.create": operation(
    "Start machines that go on where a template stood, or where a running machine or a snapshot of one stands: each with an identity of its own",
    z.strictObject({
      /** A template's name or id; else a machine's. */
      source: z.string().min(1).max(200),
      /** Of the machine `source`: go on from this snapshot. */
      snapshot: z.string().optional(),
      /** The machine `source` as it is now, although a template has that name. */
      present: z.boolean().default(false),
      count: z.int().min(1).max(256).default(1),
      names: z.array(z.string()).optional(),
      group: z.string().max(60).optional(),
      /** How long to wait for each to be ready. */
      readyWithinMs: z.int().min(0).max(600_000).default(15_000),
    }),
    z.array(ForkView),
  ),
  "fork.keep": change("Make an ordinary machine of a fork: it belongs to no template any more", z.strictObject({ machine }), done),
  "fork.remove": operation("End a fork and delete it for good", z.strictObject({ machine }), done),
} as const;
