/**
 * The bundle's manifest: what `scripts/bundle.ts` writes beside the compressed parts, and what the
 * extension reads to check, unpack and launch them.
 *
 * Every path is POSIX style and relative to the folder the parts are unpacked into
 * (`~/.vivarium/bin/<id>/`). Every part is unpacked into that same folder; no two parts hold the same path.
 */
import * as z from "zod";

/** The hosts a bundle exists for, in the words of VS Code's `--target`. */
export const bundlePlatforms = ["linux-x64", "linux-arm64", "darwin-arm64", "darwin-x64", "win32-x64", "win32-arm64"] as const;

const sha256 = z.string().regex(/^[0-9a-f]{64}$/, "a SHA-256 in lower-case hex");

/** A path that stays inside the unpack root: no leading slash, no `..`, no backslash, no drive, no NUL. */
export const bundlePath = z
  .string()
  .min(1)
  .refine(
    (path) => !/^[A-Za-z]:|[\\\0]/.test(path) && path.split("/").every((segment) => segment !== "" && segment !== "." && segment !== ".."),
    "a relative path that stays inside the bundle",
  );

const packedPart = z.object({
  /** File name of the compressed tar, beside manifest.json. */
  file: bundlePath,
  /** SHA-256 of the compressed file. */
  sha256,
  /** Size of the compressed file. */
  bytes: z.number().int().nonnegative(),
  /** Sum of the sizes of the files inside. */
  unpackedBytes: z.number().int().nonnegative(),
  /** True for a pack which is downloaded on demand instead of shipped in the VSIX. */
  optional: z.boolean(),
});

const packedFile = z.object({
  /** The part which holds the file. */
  part: z.string(),
  sha256,
  bytes: z.number().int().nonnegative(),
  executable: z.boolean(),
});

const program = z.object({
  /** The part to unpack before the program can run; the `qemu` part is needed as well. */
  part: z.string(),
  /**
   * What to execute. Elements for which `argvPaths` is true are paths below the unpack root;
   * the others (options of the loader) are passed as they are. The program's own arguments follow.
   */
  argv: z.array(z.string()).min(1),
  /** For each element of `argv`: is it a path below the unpack root? */
  argvPaths: z.array(z.boolean()).min(1),
  /** Environment variables to set; every value is a path below the unpack root. */
  env: z.record(z.string(), bundlePath),
});

const flashPair = z.object({ code: bundlePath, vars: bundlePath });

const firmware = z.object({
  /** The part which holds these files. */
  part: z.string(),
  /** Firmware for the `bios` setting, given with `-bios`; absent where the architecture has none. */
  bios: bundlePath.optional(),
  /** UEFI without Secure Boot: two pflash images, `vars` a template to copy per machine. */
  uefi: flashPair.optional(),
  /** UEFI with Secure Boot, `vars` having the Microsoft and Debian keys enrolled. */
  "uefi-secure": flashPair.optional(),
  /** The tiny firmware of the microvm machine. */
  microvm: bundlePath.optional(),
});

const packageRecord = z.object({
  /** The binary package's name, version and architecture in its own distribution's words. */
  name: z.string().min(1),
  version: z.string().min(1),
  architecture: z.string(),
  /** SHA-256 of the package file the bundled files were taken from; absent where only an installed prefix was at hand. */
  sha256: sha256.optional(),
  /** SPDX identifiers where they could be mapped, else the licence's own short name; "see copyright" where it is prose. */
  license: z.string().min(1),
  /** Where the complete corresponding source is: source package, version, and the offer. */
  source: z.object({ name: z.string(), version: z.string(), offer: z.string() }),
});

export const bundleManifest = z.object({
  schema: z.literal(1),
  platform: z.enum(bundlePlatforms),
  /** 12 hex digits derived from every file's path, mode and SHA-256: equal content has an equal id. */
  id: z.string().regex(/^[0-9a-f]{12}$/),
  /** Upstream version, such as `10.0.13`. */
  qemuVersion: z.string().regex(/^\d+\.\d+\.\d+/),
  /** `qemu` and `runtime` always; `emulator-<architecture>` is optional. */
  parts: z.record(z.string(), packedPart),
  /** Every regular file of every part. There are no symbolic links in a bundle. */
  files: z.record(bundlePath, packedFile),
  /** `qemu-system-x86_64`, `qemu-img`, `node`, … ; a program absent here does not exist on this platform. */
  programs: z.record(z.string(), program),
  /** Folders to pass with `-L`, in order; a folder of a part which is not unpacked is left out. */
  dataDirectories: z.array(bundlePath),
  firmware: z.partialRecord(z.enum(["x86_64", "aarch64"]), firmware),
  packages: z.array(packageRecord),
});

export type BundlePlatform = (typeof bundlePlatforms)[number];
export type BundleManifest = z.infer<typeof bundleManifest>;
export type BundlePart = z.infer<typeof packedPart>;
export type BundleFile = z.infer<typeof packedFile>;
export type BundleProgram = z.infer<typeof program>;
export type BundleFirmware = z.infer<typeof firmware>;
export type BundlePackage = z.infer<typeof packageRecord>;

/** A program's command and leading arguments, made absolute; the caller appends the program's own arguments. */
export type LocatedProgram = { command: string; args: string[]; env: Record<string, string> };

/**
 * Resolves a program of an unpacked bundle.
 *
 * @param root the unpack root, absolute
 * @returns undefined when the bundle has no such program (for instance `swtpm` on Windows)
 */
export function locateProgram(manifest: BundleManifest, name: string, root: string): LocatedProgram | undefined {
  const found = manifest.programs[name];
  if (found === undefined) return undefined;
  const absolute = (path: string): string => `${root}/${path}`;
  const [command, ...args] = found.argv.map((word, at) => (found.argvPaths[at] ? absolute(word) : word));
  if (command === undefined) return undefined;
  const env = Object.fromEntries(Object.entries(found.env).map(([key, path]) => [key, absolute(path)]));
  return { command, args, env };
}
