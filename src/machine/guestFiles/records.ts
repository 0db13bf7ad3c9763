import { guestPathText, vivError } from "../../model/index.ts";
import type { GuestEntry, GuestFileType, GuestStat } from "./types.ts";

/** What guests say of their files, read with mistrust: a record that is none is an error or is left out. */

const types: Readonly<Record<string, GuestFileType>> = { f: "file", d: "folder", o: "other", "-": "none" };

/** Longest name of Linux's file systems is 255 bytes; some have 255 characters of up to four. */
const nameLimitBytes = 1024;

/** Records that end with a zero byte; what follows the last one is half a record and left out. */
export function* records(bytes: Buffer): Generator<Buffer> {
  for (let from = 0, end = bytes.indexOf(0); end >= 0; from = end + 1, end = bytes.indexOf(0, from)) yield bytes.subarray(from, end);
}

/** `TYPE LINK MODE SIZE MTIME-NS CTIME-NS WRITABLE TARGET` */
export function parseStat(bytes: Buffer): GuestStat {
  const [record] = records(bytes);
  const fields = record && fieldsOf(record, 7);
  const type = types[fields?.words[0] ?? ""];
  if (!fields || type === undefined)
    throw vivError("agent-failed", "The guest's word on a file is none.", "Its agent may be another version's.");
  const [, link, mode, size, modified, changed, writable] = fields.words;
  return {
    type,
    link: link === "1",
    mode: (Number.parseInt(mode ?? "", 8) || 0) & 0o7777,
    sizeBytes: amount(size),
    modifiedMs: milliseconds(modified),
    changedMs: milliseconds(changed),
    writable: writable === "1",
    ...(link === "1" && fields.rest.length > 0 ? { target: guestPathText(fields.rest) } : {}),
  };
}

/** `TYPE LINK SIZE MTIME-NS NAME`, and `more` when there are more. No name twice, none that is a path. */
export function parseList(bytes: Buffer, limit: number): { entries: GuestEntry[]; more: boolean } {
  const entries = new Map<string, GuestEntry>();
  for (const record of records(bytes)) {
    if (entries.size >= limit || record.equals(more)) return { entries: [...entries.values()], more: true };
    const fields = fieldsOf(record, 4);
    const type = types[fields?.words[0] ?? ""];
    if (!fields || type === undefined || !isName(fields.rest)) continue;
    const name = guestPathText(fields.rest);
    entries.set(name, { name, type, link: fields.words[1] === "1" });
  }
  return { entries: [...entries.values()], more: false };
}

const more = Buffer.from("more");

export function isName(bytes: Buffer): boolean {
  const text = bytes.toString("latin1");
  return text !== "" && text !== "." && text !== ".." && bytes.length <= nameLimitBytes && !text.includes("/");
}

function fieldsOf(record: Buffer, count: number): { words: string[]; rest: Buffer } | undefined {
  const words: string[] = [];
  let at = 0;
  while (words.length < count) {
    const end = record.indexOf(0x20, at);
    if (end < 0) return undefined;
    words.push(record.toString("latin1", at, end));
    at = end + 1;
  }
  return { words, rest: record.subarray(at) };
}

/** A size that no file has is none. */
function amount(text: string | undefined): number {
  const value = Number(text);
  return Number.isSafeInteger(value) && value >= 0 ? value : 0;
}

/** Nanoseconds since 1970; a time that no clock shows is 1970. */
function milliseconds(nanoseconds: string | undefined): number {
  const value = Math.floor(Number(nanoseconds) / 1e6);
  return Number.isFinite(value) && Math.abs(value) < 8.64e15 ? value : 0;
}
