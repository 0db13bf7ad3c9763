import * as z from "zod";
import { Architecture, ImageName } from "../../model/index.ts";

const hex256 = /^[0-9a-f]{64}$/;

/** Where an image came from, and what proves that it is what its publisher made. */
export const ImageOrigin = z.discriminatedUnion("kind", [
  z.object({ kind: z.literal("import"), file: z.string(), format: z.string() }),
  z.object({
    kind: z.literal("pull"),
    url: z.string(),
    /** The catalog's name for it. */
    catalog: z.string().optional(),
    /** `sha256:…` or `sha512:…` of the file as it was fetched. */
    digest: z.string(),
    /** What said that digest: the user, a list of checksums, a signed one. */
    proof: z.enum(["digest", "checksums", "signed-checksums"]),
    signedBy: z.string().optional(),
    signedAt: z.string().optional(),
  }),
]);
export type ImageOrigin = z.infer<typeof ImageOrigin>;

/** `image.json`: one image that machines are made from. Files are relative to its folder. */
export const ImageFile = z.object({
  schema: z.literal(1),
  name: ImageName,
  title: z.string(),
  description: z.string().default(""),
  version: z.string().regex(/^[\w.-]{1,64}$/),
  architecture: Architecture,
  kernel: z.string().optional(),
  initrd: z.string().optional(),
  append: z.string().default(""),
  disk: z.string().optional(),
  diskVirtualBytes: z.number().optional(),
  minimumMemoryBytes: z.number(),
  login: z.string().default("root"),
  sha256: z.record(z.string(), z.string().regex(hex256)),
  bytes: z.number(),
  /** Of an image with a disk of its own system; absent: by its kernel, else as the architecture has it. */
  firmware: z.enum(["bios", "uefi"]).optional(),
  firstBoot: z.enum(["cloud-init", "none"]).optional(),
  agents: z.array(z.string()).optional(),
  notes: z.array(z.string()).optional(),
  addedAt: z.string().optional(),
  verifiedAt: z.string().optional(),
  origin: ImageOrigin.optional(),
});
export type ImageFile = z.infer<typeof ImageFile>;

export interface Image extends ImageFile {
  readonly folder: string;
  readonly source: "built-in" | "store";
}

/** A name of the store: which content it is of. One content may have several names. */
export const ImageRecord = ImageFile.extend({ content: z.string().regex(hex256) });
export type ImageRecord = z.infer<typeof ImageRecord>;
