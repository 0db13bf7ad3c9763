import { createHash, randomBytes } from "node:crypto";

/**
 * A password as crypt(3) keeps it (`$6$salt$…`), by Ulrich Drepper's “Unix crypt using SHA-256 and SHA-512”: so the
 * password itself is on no medium and in no guest's cloud-init data.
 */
export function hashPassword(password: string, salt = newSalt()): string {
  const [key, grain] = [Buffer.from(password, "utf8"), Buffer.from(salt, "latin1")];
  const second = sha512(key, grain, key);
  const mixed: Buffer[] = [key, grain, repeated(second, key.length)];
  for (let bits = key.length; bits > 0; bits >>= 1) mixed.push(bits & 1 ? second : key);
  let digest = sha512(...mixed);
  const keyBytes = repeated(sha512(...Array.from({ length: key.length }, () => key)), key.length);
  const saltBytes = repeated(sha512(...Array.from({ length: 16 + (digest[0] ?? 0) }, () => grain)), grain.length);
  for (let round = 0; round < rounds; round += 1) {
    const parts = [round % 2 ? keyBytes : digest];
    if (round % 3) parts.push(saltBytes);
    if (round % 7) parts.push(keyBytes);
    parts.push(round % 2 ? digest : keyBytes);
    digest = sha512(...parts);
  }
  return `$6$${salt}$${encoded(digest)}`;
}

/** The scheme's own number where none is written into the hash. */
const rounds = 5000;
const digits = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

function sha512(...parts: readonly Buffer[]): Buffer {
  const hash = createHash("sha512");
  for (const part of parts) hash.update(part);
  return hash.digest();
}

function repeated(bytes: Buffer, length: number): Buffer {
  return Buffer.alloc(length, bytes);
}

function newSalt(): string {
  return [...randomBytes(16)].map((byte) => digits[byte % 64]).join("");
}

/** Three bytes to four digits, the bytes taken from three parts of the digest that turn round. */
function encoded(digest: Buffer): string {
  const byte = (at: number) => digest[at] ?? 0;
  let text = "";
  let order = [0, 21, 42];
  for (let group = 0; group < 21; group += 1) {
    const [high = 0, middle = 0, low = 0] = order;
    text += base64((byte(high) << 16) | (byte(middle) << 8) | byte(low), 4);
    order = [middle + 1, low + 1, high + 1];
  }
  return text + base64(byte(63), 2);
}

function base64(value: number, length: number): string {
  return Array.from({ length }, (_, index) => digits[(value >> (6 * index)) & 63]).join("");
}
