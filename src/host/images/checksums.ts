import { vivError } from "../../model/index.ts";

export type DigestAlgorithm = "sha256" | "sha512";

const hexLength: Record<DigestAlgorithm, number> = { sha256: 64, sha512: 128 };

/** The sum of a list that has only one entry, whatever it is called there. */
export const onlyEntry = "*";

/**
 * The digest of a file in a list of checksums: `sha256sum`'s lines (`HEX  NAME`, `HEX *NAME`), BSD's
 * (`SHA256 (NAME) = HEX`), or one sum alone.
 * @throws VivError `untrusted-input` where it is not in it, or there twice with two sums.
 */
export function digestOf(text: string, file: string, algorithm: DigestAlgorithm, list: string): string {
  const entries = parseChecksums(text, algorithm);
  const found = new Set(
    entries.filter((entry) => file === onlyEntry || entry.file === file || entry.file === undefined).map(({ digest }) => digest),
  );
  const [digest] = found;
  if (digest !== undefined && found.size === 1) return digest;
  if (found.size > 1) throw vivError("untrusted-input", `${list} has more than one ${algorithm} for ${file}.`, "Tell its publisher.");
  throw vivError(
    "untrusted-input",
    `${list} has no ${algorithm} of ${file}.`,
    entries.length === 0
      ? "It is no list of checksums."
      : "The list is older or newer than the file, or of another folder. Try again later.",
  );
}

function parseChecksums(text: string, algorithm: DigestAlgorithm): { file: string | undefined; digest: string }[] {
  const length = hexLength[algorithm];
  const gnu = new RegExp(`^\\\\?([0-9a-f]{${length}})(?: [ *](?:\\./)?(.+))?$`, "i");
  const bsd = new RegExp(`^${algorithm}\\s*\\((?:\\./)?(.+)\\)\\s*=\\s*([0-9a-f]{${length}})$`, "i");
  return text.split(/\r?\n/).flatMap((line) => {
    const [, digest, file] = gnu.exec(line.trim()) ?? [];
    if (digest !== undefined) return [{ file, digest: digest.toLowerCase() }];
    const [, name, sum] = bsd.exec(line.trim()) ?? [];
    return sum === undefined ? [] : [{ file: name, digest: sum.toLowerCase() }];
  });
}

/** `sha256:HEX`, or 64 or 128 hex digits alone. @throws VivError `usage`. */
export function parseDigest(text: string): { algorithm: DigestAlgorithm; hex: string } {
  const hex = text.replace(/^sha(256|512):/i, "").toLowerCase();
  const algorithm = hex.length === hexLength.sha512 ? "sha512" : "sha256";
  if (/^[0-9a-f]+$/.test(hex) && hex.length === hexLength[algorithm]) return { algorithm, hex };
  throw vivError("usage", "A digest is the 64 hex digits of a SHA-256, or the 128 of a SHA-512.", "sha256sum FILE prints them.");
}
