import { both32, shortTime } from "./fields.ts";

/** Fields of the System Use Sharing Protocol (IEEE P1281) and of Rock Ridge (P1282): POSIX names and modes. */

export function field(signature: string, content: Buffer): Buffer {
  return Buffer.concat([Buffer.from(signature, "latin1"), Buffer.from([content.length + 4, 1]), content]);
}

/** Only in the root's own record: the protocol is in use. */
export const sharingProtocol = field("SP", Buffer.from([0xbe, 0xef, 0]));

/** Where the fields go on that have no room in the record. */
export function continuation(sector: number, length: number): Buffer {
  return field("CE", Buffer.concat([both32(sector), both32(0), both32(length)]));
}

/** Says which extension is meant, in its own words. */
export const extensionReference = (() => {
  const id = "RRIP_1991A";
  const description = "THE ROCK RIDGE INTERCHANGE PROTOCOL PROVIDES SUPPORT FOR POSIX FILE SYSTEM SEMANTICS";
  const source = "PLEASE CONTACT DISC PUBLISHER FOR SPECIFICATION SOURCE.  SEE PUBLISHER IDENTIFIER IN PRIMARY VOLUME DESCRIPTOR.";
  const lengths = Buffer.from([id.length, description.length, source.length, 1]);
  return field("ER", Buffer.concat([lengths, Buffer.from(id + description + source, "latin1")]));
})();

const fileType = 0o100000;
const folderType = 0o040000;

export function posix(entry: { readonly folder: boolean; readonly mode: number; readonly links: number }): Buffer {
  const mode = (entry.folder ? folderType : fileType) | entry.mode;
  return field("PX", Buffer.concat([both32(mode), both32(entry.links), both32(0), both32(0)]));
}

/** Changed, read, and its facts changed: all the same moment. */
export function times(time: Date): Buffer {
  const moment = shortTime(time);
  return field("TF", Buffer.concat([Buffer.from([0x0e]), moment, moment, moment]));
}

export function alternateName(name: string): Buffer {
  return field("NM", Buffer.concat([Buffer.from([0]), Buffer.from(name, "utf8")]));
}
