import { vivError } from "../../model/index.ts";
import { downloadText, type NetworkSettings, requireWebAddress } from "../download/index.ts";
import { requireTrustedWay } from "./catalog.ts";
import { type DigestAlgorithm, digestOf } from "./checksums.ts";
import type { ImageOrigin } from "./record.ts";
import { type Signed, verifySigned } from "./signature.ts";
import type { Proof, PullSource } from "./source.ts";

/** What a file must be, and who says so. */
export interface Expected {
  readonly algorithm: DigestAlgorithm;
  readonly hex: string;
  readonly proof: Extract<ImageOrigin, { kind: "pull" }>["proof"];
  readonly signedBy?: string | undefined;
  readonly signedAt?: string | undefined;
  readonly notes: readonly string[];
}

const largestListBytes = 4 * 1024 ** 2;
const largestSignatureBytes = 256 * 1024;

/** Fetches the list of checksums and checks its signature; a list without one must come by https. */
export async function expectedDigest(source: PullSource, network: NetworkSettings | undefined, signal: AbortSignal): Promise<Expected> {
  const { proof } = source;
  if (proof.kind === "digest") return { algorithm: proof.algorithm, hex: proof.hex, proof: "digest", notes: [] };
  if (proof.signature === undefined) requireTrustedWay(proof.url, "A list of checksums without a signature");
  const list = await downloadText(requireWebAddress(proof.url), { maximumBytes: largestListBytes, signal, network });
  if (proof.signature === undefined)
    return {
      ...digestIn(list.toString("utf8"), proof),
      proof: "checksums",
      notes: ["Its digest is from the publisher's list of checksums, which is not signed."],
    };
  const signed = await signedList(list, proof, proof.signature, network, signal);
  return { ...digestIn(signed.text, proof), proof: "signed-checksums", signedBy: signed.signedBy, signedAt: signed.signedAt, notes: [] };
}

type ListProof = Extract<Proof, { kind: "checksums" }>;

async function signedList(
  list: Buffer,
  proof: ListProof,
  signature: NonNullable<ListProof["signature"]>,
  network: NetworkSettings | undefined,
  signal: AbortSignal,
): Promise<Signed> {
  const keys = await proof.keys();
  if (keys.length === 0) throw vivError("usage", "There is no key to check the signature by.", "Give it: --key FILE");
  const beside =
    signature.kind === "clear-signed"
      ? undefined
      : await downloadText(requireWebAddress(signature.url), { maximumBytes: largestSignatureBytes, signal, network });
  return verifySigned(list, beside, keys, proof.url);
}

function digestIn(text: string, { algorithm, file, url }: ListProof): { algorithm: DigestAlgorithm; hex: string } {
  if (algorithm !== undefined) return { algorithm, hex: digestOf(text, file, algorithm, url) };
  try {
    return { algorithm: "sha256", hex: digestOf(text, file, "sha256", url) };
  } catch (error) {
    if (!/\b[0-9a-f]{128}\b/i.test(text)) throw error;
    return { algorithm: "sha512", hex: digestOf(text, file, "sha512", url) };
  }
}
