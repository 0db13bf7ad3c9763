import * as z from "zod";
import { Architecture, ImageName } from "../model/index.ts";
import { type Method, operation, read } from "./method.ts";

/** Images: what machines are made from; the store, the catalog, pulling and importing. */

/** How the client reaches the web: its settings or environment, handed over with each request. A proxy may hold a password. */
export const NetworkSettings = z.strictObject({
  httpProxy: z.string().max(2048).optional(),
  httpsProxy: z.string().max(2048).optional(),
  noProxy: z.array(z.string().max(256)).max(200).optional(),
  /** False: certificates are not checked. */
  strictSsl: z.boolean().optional(),
  /** PEM files of authorities that are trusted, too; absolute. */
  caFiles: z.array(z.string().max(4096)).max(10).optional(),
});
export type NetworkSettings = z.infer<typeof NetworkSettings>;

const web = {
  /** Another catalog: a file's absolute path, or an https URL. */
  catalog: z.string().max(4096).optional(),
  network: NetworkSettings.optional(),
};

const given = {
  firmware: z.enum(["bios", "uefi"]).optional(),
  /** Whom SSH logs in as. */
  login: z
    .string()
    .regex(/^[a-z_][a-z0-9_-]{0,31}$/)
    .optional(),
  /** What sets up users and keys at the first start. */
  firstBoot: z.enum(["cloud-init", "none"]).optional(),
};

export const ImageView = z.object({
  name: z.string(),
  title: z.string(),
  architecture: Architecture,
  bytes: z.number(),
  version: z.string(),
  source: z.enum(["built-in", "store"]),
  description: z.string(),
  login: z.string(),
  minimumMemoryBytes: z.number(),
  diskBytes: z.number().optional(),
  firmware: z.string().optional(),
  firstBoot: z.enum(["cloud-init", "none"]).optional(),
  agents: z.array(z.string()),
  notes: z.array(z.string()),
  addedAt: z.string().optional(),
  verifiedAt: z.string().optional(),
  /** SHA-256 of the disk as it is kept here. */
  sha256: z.string().optional(),
  origin: z
    .object({
      kind: z.enum(["import", "pull"]),
      from: z.string(),
      catalog: z.string().optional(),
      digest: z.string().optional(),
      proof: z.enum(["digest", "checksums", "signed-checksums"]).optional(),
      signedBy: z.string().optional(),
      signedAt: z.string().optional(),
    })
    .optional(),
  /** Machines that are built on it; only where it was asked for. */
  usedBy: z.array(z.object({ name: z.string(), removed: z.boolean() })).optional(),
});
export type ImageView = z.infer<typeof ImageView>;

export const CatalogEntry = z.object({
  name: z.string(),
  title: z.string(),
  description: z.string(),
  login: z.string(),
  minimumMemoryBytes: z.number(),
  firstBoot: z.enum(["cloud-init", "none"]),
  agents: z.array(z.string()),
  notes: z.array(z.string()),
  lookedUp: z.string(),
  architectures: z.array(
    z.object({
      architecture: Architecture,
      /** Absent where there is none: `absent` says why. */
      url: z.string().optional(),
      firmware: z.string().optional(),
      signed: z.boolean().optional(),
      absent: z.string().optional(),
      /** It is in the store, as it was when it was pulled. */
      here: z.boolean(),
    }),
  ),
});
export type CatalogEntry = z.infer<typeof CatalogEntry>;

const named = z.strictObject({ name: ImageName, architecture: Architecture.optional() });

export const imageMethods = {
  "image.list": read(
    "Images machines can be made from; `usage` also says which machines are built on each",
    z.strictObject({ usage: z.boolean().default(false) }),
    z.array(ImageView),
  ),
  "image.catalog": operation("What can be pulled by name, and where it comes from", z.strictObject(web), z.array(CatalogEntry)),
  "image.pull": operation(
    "Fetch an image by its catalog name, or by a URL with what proves it; goes on where an earlier try ended",
    z.strictObject({
      source: z.string().min(1).max(4096),
      name: ImageName.optional(),
      architecture: Architecture.optional(),
      /** `HEX`, `sha256:HEX` or `sha512:HEX`. */
      digest: z.string().max(140).optional(),
      /** URL of a list of checksums. */
      checksums: z.string().max(4096).optional(),
      /** URL of the list's detached OpenPGP signature; `inside`: the list is clear-signed. */
      signature: z.string().max(4096).optional(),
      /** An armoured public key, absolute; absent: the keys of the catalog. */
      keyFile: z.string().max(4096).optional(),
      ...given,
      replace: z.boolean().default(false),
      ...web,
    }),
    z.object({ image: ImageView, fetched: z.boolean(), resumedBytes: z.number(), notes: z.array(z.string()) }),
  ),
  "image.import": operation(
    "Take a disk image file (qcow2, raw, vmdk, vdi, vhdx, vpc; also compressed) into the store. Headers are checked by us, then a copy is made",
    z.strictObject({
      file: z.string(),
      name: ImageName.optional(),
      title: z.string().max(80).optional(),
      format: z.enum(["qcow2", "raw", "vmdk", "vdi", "vhdx", "vpc"]).optional(),
      architecture: Architecture.optional(),
      ...given,
      replace: z.boolean().default(false),
    }),
    z.object({ image: ImageView, notes: z.array(z.string()) }),
  ),
  "image.remove": operation(
    "Take an image out of the store; refused while a machine is built on it",
    named,
    z.object({ freedBytes: z.number() }),
  ),
  "image.verify": operation(
    "Read an image again and compare it with its digest",
    named,
    z.object({ image: ImageView, verifiedAt: z.string() }),
  ),
  "image.updates": operation(
    "Ask the publishers of pulled images whether they have newer ones; no image is fetched",
    z.strictObject(web),
    z.array(z.object({ name: z.string(), architecture: Architecture, available: z.boolean(), problem: z.string().optional() })),
  ),
} as const satisfies Record<string, Method>;
