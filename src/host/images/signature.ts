import type * as OpenPgp from "openpgp";
import { vivError } from "../../model/index.ts";

/** A key that may sign, with the fingerprint it must have. */
export interface SigningKey {
  readonly owner: string;
  /** 40 hex digits in capitals, of the primary key; absent: whatever the file holds is trusted. */
  readonly fingerprint: string | undefined;
  readonly armored: string;
}

export interface Signed {
  /** Nothing but what was signed. */
  readonly text: string;
  readonly signedBy: string;
  /** ISO 8601. */
  readonly signedAt: string;
}

/**
 * Checks an OpenPGP signature over a list of checksums: inside it (clear-signed), or beside it (`signature`, armoured or
 * binary). What stands outside a clear-signed part is not read.
 * @param list how an error calls it
 * @throws VivError `untrusted-input`: no signature, one that does not fit, has expired or is of the future, by another key, by
 *   a key that has expired or was revoked; `damaged` where a key's file is not the key that the catalog names.
 */
export async function verifySigned(
  content: Buffer,
  signature: Buffer | undefined,
  keys: readonly SigningKey[],
  list: string,
  now = new Date(),
): Promise<Signed> {
  const openpgp = await import("openpgp");
  const trusted = (await Promise.all(keys.map((key) => readKey(openpgp, key)))).flat();
  const reasons: string[] = [];
  for (const { data, signatures } of [await checked(openpgp, content, signature, trusted, list, now)])
    for (const each of signatures) {
      const signer = trusted.find(({ key }) => key.getKeys(each.keyID).length > 0);
      if (!signer) {
        reasons.push(`it is signed by the key ${each.keyID.toHex().toUpperCase()}, which is not trusted for it`);
        continue;
      }
      try {
        await each.verified;
        await requireUsable(signer.key, now);
        const { packets } = await each.signature;
        const signedAt = packets[0]?.created?.toISOString() ?? now.toISOString();
        return { text: data, signedBy: `${signer.owner} (${signer.key.getFingerprint().toUpperCase()})`, signedAt };
      } catch (error) {
        reasons.push((error as Error).message.replace(/\.$/, ""));
      }
    }
  throw vivError(
    "untrusted-input",
    `The signature of ${list} does not hold: ${reasons.length === 0 ? "there is none" : reasons.join("; ")}.`,
    "Do not use the image. A stale copy of the list at a mirror looks like this, and so does an attack.",
  );
}

interface TrustedKey {
  readonly owner: string;
  readonly key: OpenPgp.Key;
}

async function readKey(openpgp: typeof OpenPgp, { owner, fingerprint, armored }: SigningKey): Promise<TrustedKey[]> {
  const keys = await openpgp.readKeys({ armoredKeys: armored }).catch((error: unknown) => {
    throw vivError("damaged", `The key of ${owner} cannot be read.`, "It must be an armoured OpenPGP public key.", error);
  });
  const wanted = keys.filter((key) => fingerprint === undefined || key.getFingerprint().toUpperCase() === fingerprint);
  if (wanted.length === 0)
    throw vivError("damaged", `The file of ${owner}'s key holds another key than ${fingerprint}.`, "Install Vivarium again.");
  return wanted.map((key) => ({ owner, key }));
}

/** Expired now counts, though the signature may be older: its holder could have set the date back. */
async function requireUsable(key: OpenPgp.Key, now: Date): Promise<void> {
  const expires = await key.getExpirationTime();
  if (expires instanceof Date && expires <= now) throw new Error(`its key expired on ${expires.toISOString().slice(0, 10)}`);
  if (await key.isRevoked()) throw new Error("its key was revoked");
}

async function checked(
  openpgp: typeof OpenPgp,
  content: Buffer,
  signature: Buffer | undefined,
  trusted: readonly TrustedKey[],
  list: string,
  now: Date,
): Promise<{ data: string; signatures: OpenPgp.VerifyMessageResult["signatures"] }> {
  const verificationKeys = trusted.map(({ key }) => key);
  try {
    if (signature === undefined) {
      const message = await openpgp.readCleartextMessage({ cleartextMessage: content.toString("utf8") });
      const { data, signatures } = await openpgp.verify({ message, verificationKeys, date: now });
      return { data, signatures };
    }
    const read =
      signature.subarray(0, 5).toString("latin1") === "-----"
        ? await openpgp.readSignature({ armoredSignature: signature.toString("utf8") })
        : await openpgp.readSignature({ binarySignature: signature });
    const message = await openpgp.createMessage({ binary: new Uint8Array(content) });
    const { signatures } = await openpgp.verify({ message, signature: read, verificationKeys, format: "binary", date: now });
    return { data: content.toString("utf8"), signatures };
  } catch (error) {
    throw vivError(
      "untrusted-input",
      `${list} has no signature that can be read (${(error as Error).message}).`,
      "Do not use the image.",
      error,
    );
  }
}
