import { vivError } from "./errors.ts";

/**
 * Paths of a guest are bytes; ours are text. What is no UTF-8, and what would not show as itself (control characters,
 * direction marks), is written as U+FFFD and two hexadecimal digits a byte: `caf�E9.txt`, `two�0Alines`. U+FFFD itself is
 * written so too, so that each name has one form and each form one name.
 */

export const guestPathLimitBytes = 4096;

const escapeMark = "\ufffd";
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is escaped
const unseen = /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufffd]/gu;
const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Bytes as the text that shows and names them. */
export function guestPathText(bytes: Uint8Array): string {
  try {
    return strict.decode(bytes).replace(unseen, (character) => escaped(Buffer.from(character, "utf8")));
  } catch {
    return piecewise(bytes);
  }
}

/** The bytes of a text as `guestPathText` gives it. @throws VivError `usage` for U+FFFD that escapes nothing, and half characters. */
export function guestPathBytes(text: string): Buffer {
  const parts: Buffer[] = [];
  let from = 0;
  for (let at = text.indexOf(escapeMark); at >= 0; at = text.indexOf(escapeMark, from)) {
    const digits = text.slice(at + 1, at + 3);
    if (!/^[0-9A-F]{2}$/.test(digits))
      throw badPath(text, "“�” stands for a byte and is followed by its two hexadecimal digits in capitals");
    parts.push(Buffer.from(text.slice(from, at), "utf8"), Buffer.from(digits, "hex"));
    from = at + 3;
  }
  parts.push(Buffer.from(text.slice(from), "utf8"));
  if (/\p{Surrogate}/u.test(text)) throw badPath(text, "it holds half a character");
  return Buffer.concat(parts);
}

/**
 * An absolute path without `.`, `..`, doubled and trailing slashes; `..` of the root is the root.
 * @throws VivError `usage` for a relative one, a zero byte, and what no system takes.
 */
export function guestPath(text: string): string {
  if (!text.startsWith("/")) throw badPath(text, "it must be absolute");
  const parts: string[] = [];
  for (const part of text.split("/")) {
    if (part === "..") parts.pop();
    else if (part !== "" && part !== ".") parts.push(part);
  }
  const path = `/${parts.join("/")}`;
  const bytes = guestPathBytes(path);
  if (bytes.includes(0)) throw badPath(text, "it holds a zero byte");
  if (bytes.length >= guestPathLimitBytes) throw badPath(text, `it is longer than ${guestPathLimitBytes - 1} bytes`);
  // An escaped slash or dot would lead elsewhere than it reads.
  const read = guestPathText(bytes);
  if (read !== path) throw badPath(text, "it escapes what needs no escape");
  return path;
}

/** The last part of a path; the root has none. */
export function guestName(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}

/** The folder a path lies in; the root's is the root. */
export function guestParent(path: string): string {
  return path.slice(0, path.lastIndexOf("/")) || "/";
}

export function guestJoin(folder: string, name: string): string {
  return folder === "/" ? `/${name}` : `${folder}/${name}`;
}

function escaped(bytes: Uint8Array): string {
  return [...bytes].map((byte) => `${escapeMark}${byte.toString(16).toUpperCase().padStart(2, "0")}`).join("");
}

/** Character by character: what is one stays, each byte that is none is escaped. */
function piecewise(bytes: Uint8Array): string {
  let text = "";
  for (let at = 0; at < bytes.length; ) {
    const lead = bytes[at] ?? 0;
    const length = lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
    const some = bytes.subarray(at, at + length);
    const character = decoded(some, length);
    text += character === undefined ? escaped(bytes.subarray(at, at + 1)) : character.replace(unseen, () => escaped(some));
    at += character === undefined ? 1 : length;
  }
  return text;
}

function decoded(bytes: Uint8Array, length: number): string | undefined {
  if (bytes.length < length) return undefined;
  try {
    const text = strict.decode(bytes);
    return [...text].length === 1 ? text : undefined;
  } catch {
    return undefined;
  }
}

function badPath(text: string, why: string): Error {
  const shown = JSON.stringify(text.length > 120 ? `${text.slice(0, 120)}…` : text);
  return vivError("usage", `${shown} is no path of a guest: ${why}.`);
}
