import * as z from "zod";
import { Share, ShareKind } from "../model/index.ts";
import { done, machine, operation, read } from "./method.ts";

/** Folders of this host that a guest has as live trees. `tag` is a share's name in vm.json. */

const tag = z.string().min(1).max(40);

export const ShareView = z.object({
  tag: z.string(),
  /** Folder of this host. */
  path: z.string(),
  /** As vm.json says. */
  wanted: z.enum(["auto", "virtiofs", "9p"]),
  /** What the guest has; null while it has nothing. */
  kind: ShareKind.nullable(),
  readOnly: z.boolean(),
  mountPoint: z.string(),
  state: z.enum(["mounted", "waiting", "next-start", "unavailable", "folder-missing", "lost", "not-running", "leaving"]),
  /** Why it is this kind, or why it is not there. */
  reason: z.string(),
  hint: z.string().optional(),
});
export type ShareView = z.infer<typeof ShareView>;

const rate = z.number().nullable();
const answer = z.boolean().nullable();

export const ShareMeasured = z.object({
  /** `copy`: on the guest's own disk, as `viv sync` keeps it. */
  way: z.enum([...ShareKind.options, "copy"]),
  available: z.literal(true),
  /** null: it failed. */
  writeBytesPerSecond: rate,
  readBytesPerSecond: rate,
  writeFilesPerSecond: rate,
  readFilesPerSecond: rate,
  /** null: the guest has no tool to tell. */
  symlinks: answer,
  execBit: answer,
  caseSensitive: answer,
  locks: answer,
  /** Does a watcher in the guest hear of the host's changes, and one on the host of the guest's? */
  guestHearsHost: answer,
  hostHearsGuest: answer,
});
export type ShareMeasured = z.infer<typeof ShareMeasured>;

export const ShareReport = z.object({
  ways: z.array(
    z.discriminatedUnion("available", [ShareMeasured, z.object({ way: ShareKind, available: z.literal(false), reason: z.string() })]),
  ),
  /** What `auto` takes here, and why. */
  best: z.object({ kind: ShareKind.nullable(), reason: z.string() }),
});
export type ShareReport = z.infer<typeof ShareReport>;

export const shareMethods = {
  "share.list": read(
    "The shared folders of a machine: which kind, why, and whether the guest has them",
    z.strictObject({ machine }),
    z.array(ShareView),
  ),
  "share.add": operation(
    "Share a folder of this host: in vm.json, and mounted at once where the running machine can take it",
    z.strictObject({
      machine,
      path: Share.shape.path,
      tag: Share.shape.tag.optional(),
      kind: z.enum(["auto", ...ShareKind.options]).default("auto"),
      readOnly: z.boolean().default(false),
      mountPoint: Share.shape.mountPoint,
    }),
    ShareView,
  ),
  "share.remove": operation(
    "Take a shared folder out of the guest and of vm.json; the folder itself stays",
    z.strictObject({ machine, tag }),
    done,
  ),
  "share.doctor": operation(
    "Measure each kind of share between this host and the running guest, in a folder of its own, and a copy on the guest's disk",
    z.strictObject({ machine }),
    ShareReport,
  ),
} as const;
