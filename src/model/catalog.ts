import * as z from "zod";
import { Architecture } from "./definition.ts";
import { parseBytes } from "./units.ts";

/** `media/catalog.json`: images that can be pulled by name, where their publishers have them, and how they are proved. */

/** `debian:12`, `starter`: what an image is called. */
export const ImageName = z
  .string()
  .regex(/^[a-z][a-z0-9.:-]{0,60}$/, "must be a lower-case letter, then up to 60 of a-z, 0-9, `.`, `:` and `-`");

const WebAddress = z.url({ protocol: /^https?$/ });
const Size = z.string().refine((text) => parseBytes(text) !== undefined, "must be a size such as 512M or 10G");
const KeyName = z.string().regex(/^[a-z][a-z0-9-]{0,40}$/);

export const CatalogKey = z.strictObject({
  owner: z.string().describe("Whose key it is, as its publisher calls it"),
  fingerprint: z
    .string()
    .regex(/^[0-9A-F]{40}$/)
    .describe("OpenPGP fingerprint of the primary key; the file must hold this one"),
  file: z
    .string()
    .regex(/^keys\/[\w.-]+\.asc$/)
    .describe("The armoured public key, beside the catalog"),
  source: z.string().describe("Where the key was taken from"),
});
export type CatalogKey = z.infer<typeof CatalogKey>;

export const CatalogChecksums = z.strictObject({
  url: WebAddress,
  algorithm: z.enum(["sha256", "sha512"]),
  signature: z
    .discriminatedUnion("kind", [
      z.strictObject({ kind: z.literal("clear-signed"), keys: z.array(KeyName).min(1) }),
      z.strictObject({ kind: z.literal("detached"), url: WebAddress, keys: z.array(KeyName).min(1) }),
    ])
    .optional()
    .describe("Absent: the publisher signs no checksums; then the list must come by https"),
});
export type CatalogChecksums = z.infer<typeof CatalogChecksums>;

const CatalogFile = z.union([
  z.strictObject({
    url: WebAddress,
    firmware: z.enum(["bios", "uefi"]),
    checksums: CatalogChecksums,
    file: z.string().min(1).optional().describe("Its name in the list of checksums; absent: the last part of the URL"),
  }),
  z.strictObject({ builtIn: z.literal(true).describe("It comes with Vivarium and is never fetched") }),
  z.strictObject({ absent: z.string().min(1).describe("Why there is none for this architecture") }),
]);

export const CatalogImage = z.strictObject({
  name: ImageName,
  title: z.string().min(1).max(80),
  description: z.string().max(400).default(""),
  login: z.string().regex(/^[a-z_][a-z0-9_-]{0,31}$/),
  minimumMemory: Size,
  agents: z.array(z.enum(["qemu-guest-agent", "viv-agent"])).describe("What answers in the guest without being installed"),
  firstBoot: z.enum(["cloud-init", "none"]).describe("What sets up users and keys at the first start"),
  notes: z.array(z.string().max(300)).default([]),
  lookedUp: z.iso.date().describe("When the addresses were found, and in what"),
  source: z.string().min(1),
  architectures: z.strictObject({ x86_64: CatalogFile, aarch64: CatalogFile }),
});
export type CatalogImage = z.infer<typeof CatalogImage>;

export const Catalog = z.strictObject({
  $schema: z.string().optional(),
  schema: z.literal(1),
  keys: z.record(KeyName, CatalogKey).default({}),
  images: z.array(CatalogImage).max(500),
});
export type Catalog = z.infer<typeof Catalog>;

/** Where one architecture's file is; undefined where there is none to fetch. */
export function catalogFile(image: CatalogImage, architecture: Architecture) {
  const file = image.architectures[architecture];
  return "url" in file ? file : undefined;
}

/** What no schema can say: names are there once, keys that are named exist. */
export function catalogProblems(catalog: Catalog): string[] {
  const names = catalog.images.map(({ name }) => name);
  const twice = names.filter((name, index) => names.indexOf(name) < index).map((name) => `${name} is there twice`);
  const keys = catalog.images.flatMap((image) =>
    Architecture.options.flatMap((architecture) =>
      (catalogFile(image, architecture)?.checksums.signature?.keys ?? [])
        .filter((key) => catalog.keys[key] === undefined)
        .map((key) => `${image.name} names a key that is not in the catalog: ${key}`),
    ),
  );
  return [...twice, ...keys];
}
