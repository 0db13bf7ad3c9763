import { generateKeyPairSync, randomBytes } from "node:crypto";

/**
 * An ed25519 key pair as OpenSSH writes it, without starting ssh-keygen (20 ms and more for each). The private file is
 * OpenSSH's PROTOCOL.key, unencrypted: it lies in a folder only its owner can enter.
 */
export function newSshKey(comment: string): { readonly privateKey: string; readonly publicKey: string } {
  const { d = "", x = "" } = generateKeyPairSync("ed25519").privateKey.export({ format: "jwk" });
  const [seed, point] = [Buffer.from(d, "base64url"), Buffer.from(x, "base64url")];
  const publicBlob = Buffer.concat([text("ssh-ed25519"), text(point)]);
  // The same number twice tells a reader that it has decrypted rightly.
  const check = randomBytes(4);
  const secret = Buffer.concat([check, check, publicBlob, text(Buffer.concat([seed, point])), text(comment)]);
  const padding = Buffer.from([1, 2, 3, 4, 5, 6, 7].slice(0, (8 - (secret.length % 8)) % 8));
  const content = Buffer.concat([
    Buffer.from("openssh-key-v1\0"),
    text("none"), // cipher
    text("none"), // key derivation
    text(""),
    number(1), // keys in the file
    text(publicBlob),
    text(Buffer.concat([secret, padding])),
  ]);
  const lines = content.toString("base64").match(/.{1,70}/g) ?? [];
  return {
    privateKey: `-----BEGIN OPENSSH PRIVATE KEY-----\n${lines.join("\n")}\n-----END OPENSSH PRIVATE KEY-----\n`,
    publicKey: `ssh-ed25519 ${publicBlob.toString("base64")} ${comment}\n`,
  };
}

/** A string of RFC 4251: its length, then its bytes. */
function text(value: string | Buffer): Buffer {
  const bytes = Buffer.from(value);
  return Buffer.concat([number(bytes.length), bytes]);
}

function number(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}
