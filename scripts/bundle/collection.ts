import type { BundleFirmware, BundlePackage, BundlePlatform, BundleProgram } from "../../src/backends/manifest.ts";

/** A file to put into the bundle. */
export type CollectedFile = {
  part: string;
  /** Path below the unpack root; no two files have the same. */
  path: string;
  /** Where the content is: a file, or the bytes themselves when the recipe changed them. */
  content: { file: string } | { bytes: Buffer };
  executable: boolean;
};

/** What a collector (Debian packages, a Homebrew prefix, an MSYS2 prefix) found; packing it is the same for all. */
export type Collection = {
  platform: BundlePlatform;
  qemuVersion: string;
  files: CollectedFile[];
  programs: Record<string, BundleProgram>;
  dataDirectories: string[];
  firmware: Partial<Record<"x86_64" | "aarch64", BundleFirmware>>;
  packages: BundlePackage[];
  /** Parts to download on demand instead of shipping them in the VSIX. */
  optionalParts: string[];
};

/** A word of a program's command line: a path below the unpack root, or an option as it is. */
export type ProgramWord = { path: string } | { word: string };

/** Builds a program's manifest entry. */
export function programOf(part: string, words: ProgramWord[], env: Record<string, string> = {}): BundleProgram {
  return {
    part,
    argv: words.map((word) => ("path" in word ? word.path : word.word)),
    argvPaths: words.map((word) => "path" in word),
    env,
  };
}

/** Merges collections for one platform; the first names the QEMU version. */
export function mergeCollections(first: Collection, ...others: Collection[]): Collection {
  const all = [first, ...others];
  return {
    platform: first.platform,
    qemuVersion: first.qemuVersion,
    files: all.flatMap((one) => one.files),
    programs: Object.assign({}, ...all.map((one) => one.programs)),
    dataDirectories: all.flatMap((one) => one.dataDirectories),
    firmware: Object.assign({}, ...all.map((one) => one.firmware)),
    packages: all.flatMap((one) => one.packages),
    optionalParts: all.flatMap((one) => one.optionalParts),
  };
}
