import * as z from "zod";
import { vivError } from "../model/index.ts";
import { requirePlain } from "./words.ts";

/**
 * What we ask of qemu-img, as data: the caller runs `arguments` (with the image's folder as working directory where
 * paths are relative) and hands the outcome to `parse`. Formats are always given: qemu-img must not probe either.
 */
export interface ImageCommand<T> {
  readonly program: "qemu-img";
  readonly arguments: readonly string[];
  /** @throws VivError `disk-full`, `not-found`, `locked`, `damaged` or `failed`, by qemu-img's own words */
  parse(outcome: ProgramOutcome): T;
}

export interface ProgramOutcome {
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export type ImageRunner = <T>(command: ImageCommand<T>) => Promise<T>;

export type ImageFormat = "qcow2" | "raw";

/** Formats only read from, to make our own image of them. */
export type ForeignFormat = ImageFormat | "vmdk" | "vdi" | "vpc" | "vhdx";

/** `preallocation` metadata is for bulk writes; smaller clusters with subclusters (`extended_l2`) for overlays of templates. */
export interface Qcow2Options {
  readonly clusterBytes?: number;
  readonly extendedL2?: boolean;
  readonly preallocation?: "off" | "metadata";
}

export function createImage(file: string, format: ImageFormat, virtualBytes: number, options: Qcow2Options = {}): ImageCommand<void> {
  return command(
    ["create", "-q", "-f", format, ...(format === "qcow2" ? qcow2Options(options) : []), plainPath(file), String(virtualBytes)],
    nothing,
  );
}

/**
 * An overlay that holds what differs from `backing`.
 *
 * @param backing `file` as it will stand in the overlay: relative to the overlay's folder, so that a home can be moved
 * @param virtualBytes default: as large as the backing image
 */
export function createOverlay(
  file: string,
  backing: { readonly file: string; readonly format: ImageFormat },
  virtualBytes?: number,
  options: Qcow2Options = {},
): ImageCommand<void> {
  const size = virtualBytes === undefined ? [] : [String(virtualBytes)];
  const base = backing.file.includes(":") ? plainPath(backing.file) : requirePlain(backing.file);
  return command(
    ["create", "-q", "-f", "qcow2", "-F", backing.format, "-b", base, ...qcow2Options(options), plainPath(file), ...size],
    nothing,
  );
}

const Info = z.looseObject({
  format: z.string(),
  "virtual-size": z.int().nonnegative(),
  "actual-size": z.int().nonnegative().optional(),
  "cluster-size": z.int().optional(),
  "backing-filename": z.string().optional(),
  "backing-filename-format": z.string().optional(),
  "dirty-flag": z.boolean().default(false),
  encrypted: z.boolean().default(false),
  "format-specific": z
    .looseObject({ data: z.looseObject({ corrupt: z.boolean().optional(), "data-file": z.string().optional() }).optional() })
    .optional(),
});

export interface ImageInfo {
  readonly format: string;
  readonly virtualBytes: number;
  /** Bytes of the host it takes. */
  readonly allocatedBytes: number | undefined;
  readonly backingFile: string | undefined;
  readonly backingFormat: string | undefined;
  readonly dirty: boolean;
  readonly corrupt: boolean;
  readonly encrypted: boolean;
  readonly externalData: boolean;
}

/** Also of an image in use (`-U`): sizes may be a moment old. */
export function imageInfo(file: string, format: ForeignFormat): ImageCommand<ImageInfo> {
  return command(["info", "--output=json", "-U", "-f", format, plainPath(file)], ({ stdout }) => {
    const info = fromJson(Info, stdout, "info");
    const specific = info["format-specific"]?.data;
    return {
      format: info.format,
      virtualBytes: info["virtual-size"],
      allocatedBytes: info["actual-size"],
      backingFile: info["backing-filename"],
      backingFormat: info["backing-filename-format"],
      dirty: info["dirty-flag"],
      corrupt: specific?.corrupt === true,
      encrypted: info.encrypted,
      externalData: specific?.["data-file"] !== undefined,
    };
  });
}

/** Growing only, of an image that nobody has open; the guest then enlarges its own partition. */
export function growImage(file: string, format: ImageFormat, virtualBytes: number): ImageCommand<void> {
  return command(["resize", "-q", "-f", format, plainPath(file), String(virtualBytes)], nothing);
}

const Check = z.looseObject({
  "check-errors": z.int().default(0),
  corruptions: z.int().default(0),
  leaks: z.int().default(0),
  "leaks-fixed": z.int().default(0),
  "corruptions-fixed": z.int().default(0),
});

export interface ImageCheck {
  /** Nothing is lost: no corruption, and no error while looking. Leaks only waste space. */
  readonly sound: boolean;
  readonly corruptions: number;
  readonly leaks: number;
}

/** @param repair `leaks` gives wasted space back and is always safe; corruption is never repaired without being asked */
export function checkImage(file: string, repair?: "leaks" | "all"): ImageCommand<ImageCheck> {
  const args = ["check", "--output=json", "-f", "qcow2", ...(repair === undefined ? [] : ["-r", repair]), plainPath(file)];
  // Exit 2: corruptions, 3: leaks; both come with a report.
  return command(args, parseCheck, [0, 2, 3]);
}

export function parseCheck({ stdout }: ProgramOutcome): ImageCheck {
  const found = fromJson(Check, stdout, "check");
  const corruptions = Math.max(0, found.corruptions - found["corruptions-fixed"]);
  return { sound: corruptions === 0 && found["check-errors"] === 0, corruptions, leaks: Math.max(0, found.leaks - found["leaks-fixed"]) };
}

/** A full copy, without any backing file. `-p` writes `(12.34/100%)` to stdout: see `convertPercent`. */
export function convertImage(
  from: { readonly file: string; readonly format: ForeignFormat },
  to: { readonly file: string; readonly format: ImageFormat; readonly compressed?: boolean },
): ImageCommand<void> {
  const compressed = to.compressed ? ["-c"] : [];
  return command(["convert", "-p", "-f", from.format, "-O", to.format, ...compressed, plainPath(from.file), plainPath(to.file)], nothing);
}

/**
 * A layer written anew, without what nobody uses in it: its own content over the same backing image, which stays as it
 * is. `to` lies in the folder of `from`, so that the backing name means the same.
 */
export function rewriteLayer(
  from: { readonly file: string; readonly format: ImageFormat },
  to: string,
  layer: Qcow2Options & { readonly backing?: { readonly file: string; readonly format: ImageFormat } } = {},
): ImageCommand<void> {
  const { backing, ...options } = layer;
  const base = backing === undefined ? [] : ["-B", requirePlain(backing.file), "-F", backing.format];
  const words = ["convert", "-p", "-f", from.format, "-O", from.format, ...qcow2Options(options), ...base];
  return command([...words, plainPath(from.file), plainPath(to)], nothing);
}

/** The newest percentage in a piece of convert's output. */
export function convertPercent(output: string): number | undefined {
  const last = [...output.matchAll(/\((\d+(?:\.\d+)?)\/100%\)/g)].at(-1)?.[1];
  return last === undefined ? undefined : Number(last);
}

export function command<T>(args: readonly string[], parse: (outcome: ProgramOutcome) => T, good: readonly number[] = [0]): ImageCommand<T> {
  return {
    program: "qemu-img",
    arguments: args,
    parse(outcome) {
      if (outcome.exitCode !== null && good.includes(outcome.exitCode)) return parse(outcome);
      throw failure(args[0] ?? "", outcome);
    },
  };
}

export function nothing(): void {}

function qcow2Options(options: Qcow2Options): string[] {
  const words = [
    ...(options.clusterBytes === undefined ? [] : [`cluster_size=${options.clusterBytes}`]),
    ...(options.extendedL2 ? ["extended_l2=on"] : []),
    ...(options.preallocation === undefined ? [] : [`preallocation=${options.preallocation}`]),
  ];
  return words.length === 0 ? [] : ["-o", words.join(",")];
}

/** A relative name gets `./`, so that a dash is no option and a colon no protocol. */
function plainPath(file: string): string {
  requirePlain(file);
  return /^(\/|\.\.?[\\/]|[A-Za-z]:[\\/]|\\\\)/.test(file) ? file : `./${file}`;
}

function fromJson<S extends z.ZodType>(schema: S, text: string, what: string): z.output<S> {
  try {
    return schema.parse(JSON.parse(text));
  } catch (cause) {
    throw vivError("failed", `qemu-img ${what} printed something unexpected.`, undefined, cause);
  }
}

function failure(verb: string, { exitCode, stderr }: ProgramOutcome) {
  const words = stderr.trim() || `exit code ${exitCode}`;
  const message = `qemu-img ${verb}: ${words}`;
  if (/No space left on device/.test(words)) return vivError("disk-full", message, "Free some space and try again.");
  if (/No such file or directory/.test(words)) return vivError("not-found", message);
  if (/Failed to get .*lock|Is another process using the image/.test(words))
    return vivError("locked", message, "Stop the machine that uses the image.");
  if (/not in qcow2 format|Image is corrupt|Invalid (?:L1|refcount)|too large|invalid/i.test(words)) return vivError("damaged", message);
  return vivError("failed", message);
}
