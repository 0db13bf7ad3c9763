import * as z from "zod";

/** Folders of this host that a guest has as one live tree: what vm.json says of them. */

/** Hot-plug ports are made at the start, one a share; the doctor needs one more (qemu/board.ts). */
export const mostShares = 4;

export const ShareKind = z.enum(["virtiofs", "9p"]);
export type ShareKind = z.infer<typeof ShareKind>;

const noControls = /^\P{Cc}+$/u;

export const Share = z.strictObject({
  tag: z
    .string()
    .regex(/^[a-z][a-z0-9-]{0,30}$/, "must match ^[a-z][a-z0-9-]{0,30}$")
    .describe("Name of the share, in lists and for the guest"),
  path: z
    .string()
    .min(1)
    .max(4096)
    .regex(noControls, "must not contain control characters")
    .regex(/^(\/|[A-Za-z]:[\\/])/, "must be an absolute path")
    .describe("Folder of this host"),
  kind: z
    .enum(["auto", ...ShareKind.options])
    .default("auto")
    .describe("auto: virtiofs where host and guest have it, else 9p"),
  readOnly: z.boolean().default(false).describe("The guest cannot change anything in it"),
  mountPoint: z
    .string()
    .max(1000)
    .regex(noControls, "must not contain control characters")
    .regex(/^\/(?!$)(?!.*\/\.{1,2}(\/|$))/, "must be an absolute path other than / and without . or ..")
    .optional()
    .describe("Folder of the guest; absent: /mnt/TAG"),
});
export type Share = z.infer<typeof Share>;

export function mountPointOf({ tag, mountPoint }: Pick<Share, "tag" | "mountPoint">): string {
  return mountPoint ?? `/mnt/${tag}`;
}

/** `/home/ada/My Project` → `my-project`, with a number when there is one. */
export function freeTag(path: string, shares: readonly Pick<Share, "tag">[]): string {
  const plain = (path.split(/[\\/]+/).findLast((part) => part !== "") ?? "")
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/^[^a-z]+|-+$/g, "")
    .slice(0, 24);
  const stem = plain === "" ? "share" : plain;
  const taken = new Set(shares.map(({ tag }) => tag));
  for (let count = 1; ; count += 1) {
    const tag = count === 1 ? stem : `${stem}-${count}`;
    if (!taken.has(tag)) return tag;
  }
}

/** A share whose device the running guest has. */
export const PluggedShare = z.object({
  tag: z.string(),
  kind: ShareKind,
  /** Which of the shares' ports it sits in. */
  port: z.int(),
  /** The folder it serves, links resolved, and its inode: another folder of that name later is another one. */
  path: z.string(),
  inode: z.string(),
  mountPoint: z.string(),
  /** virtiofsd, which ends with QEMU's connection. */
  process: z.object({ pid: z.int().positive(), startTime: z.string() }).optional(),
});
export type PluggedShare = z.infer<typeof PluggedShare>;

/** What a process of QEMU was given at its start for shares that come later. */
export const Sharing = z.object({
  /** virtiofsd can map the guest's memory. */
  memory: z.boolean(),
  /** 9p's servers by tag. */
  servers: z.record(z.string(), z.object({ path: z.string(), readOnly: z.boolean() })),
});
export type Sharing = z.infer<typeof Sharing>;
