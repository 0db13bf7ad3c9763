import { createHash } from "node:crypto";
import { vivError } from "../../../model/index.ts";
import type { ImageBytes } from "../../../qemu/index.ts";
import type { Member } from "./archive.ts";

/** `SHA256(disk.vmdk)= <hex>`, one a line (DSP0243, 6.2). */
interface Digest {
  readonly algorithm: "sha1" | "sha256" | "sha512";
  readonly name: string;
  readonly hex: string;
}

const pieceBytes = 1024 ** 2;

/** @throws VivError `untrusted-input` for a line that makes no sense */
export function parseManifest(text: string, what: string): Digest[] {
  const lines = text.split(/\r?\n/).filter((line) => line.trim() !== "");
  return lines.map((line) => {
    const match = /^\s*(SHA1|SHA256|SHA512)\s*\((.+)\)\s*=\s*([0-9a-fA-F]+)\s*$/i.exec(line);
    const [, algorithm, name, hex] = match ?? [];
    if (algorithm === undefined || name === undefined || hex === undefined)
      throw vivError("untrusted-input", `${what} has a manifest that cannot be read: ${JSON.stringify(line.slice(0, 100))}`);
    return { algorithm: algorithm.toLowerCase() as Digest["algorithm"], name, hex: hex.toLowerCase() };
  });
}

/**
 * Compares every file that the manifest names with its checksum.
 * @throws VivError `untrusted-input` for one that differs or is missing; the signal's reason
 */
export async function checkManifest(
  digests: readonly Digest[],
  members: readonly Member[],
  bytes: ImageBytes,
  what: string,
  options: { signal: AbortSignal; onPercent(percent: number): void },
): Promise<void> {
  const total = members.reduce((sum, member) => sum + member.bytes, 0);
  let done = 0;
  for (const { algorithm, name, hex } of digests) {
    const member = members.find((each) => each.name === name);
    if (!member) throw vivError("untrusted-input", `${what} lacks ${JSON.stringify(name)}, which its manifest names.`);
    const hash = createHash(algorithm);
    for (let at = 0; at < member.bytes; at += pieceBytes) {
      options.signal.throwIfAborted();
      const piece = await bytes.read(member.offset + at, Math.min(pieceBytes, member.bytes - at));
      hash.update(piece);
      done += piece.length;
      options.onPercent(Math.floor((100 * done) / total));
    }
    if (hash.digest("hex") !== hex)
      throw vivError(
        "untrusted-input",
        `${what}: ${name} is not what its manifest says (${algorithm.toUpperCase()} differs).`,
        "Get the file again.",
      );
  }
}

export function manifestLine(name: string, sha256: string): string {
  return `SHA256(${name})= ${sha256}\n`;
}
