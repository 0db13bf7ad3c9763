/** Headers of an archive (POSIX.1-2017, pax): “ustar” with extended records for what does not fit. Pure. */
export const paxTypes = { file: "0", link: "2", folder: "5" } as const;

export interface PaxEntry {
  readonly type: (typeof paxTypes)[keyof typeof paxTypes];
  readonly name: Buffer;
  readonly mode: number;
  readonly mtimeNs: bigint;
  readonly size?: number;
  readonly link?: Buffer;
}

const blockBytes = 512;
const nameBytes = 100;
const eleven = 8 ** 11;

export function paxHeader({ type, name, mode, mtimeNs, size = 0, link = Buffer.alloc(0) }: PaxEntry): Buffer {
  const records = [record("mtime", Buffer.from(seconds(mtimeNs)))];
  if (name.length > nameBytes) records.push(record("path", name));
  if (link.length > nameBytes) records.push(record("linkpath", link));
  if (size >= eleven) records.push(record("size", Buffer.from(String(size))));
  const extended = Buffer.concat(records);
  const mtime = Number(mtimeNs / 1_000_000_000n);
  return Buffer.concat([
    ustar(Buffer.from("pax"), "x", 0o600, extended.length, 0),
    extended,
    paxPadding(extended.length),
    ustar(name, type, mode, size, mtime, link),
  ]);
}

/** What fills up the last block of so many bytes. */
export function paxPadding(bytes: number): Buffer {
  return Buffer.alloc((blockBytes - (bytes % blockBytes)) % blockBytes);
}

function ustar(name: Buffer, type: string, mode: number, size: number, mtime: number, link: Buffer = Buffer.alloc(0)): Buffer {
  const header = Buffer.alloc(blockBytes);
  const octal = (value: number, at: number, digits: number) => header.write(value.toString(8).padStart(digits, "0"), at, "latin1");
  name.copy(header, 0, 0, nameBytes);
  octal(mode, 100, 7);
  octal(0, 108, 7);
  octal(0, 116, 7);
  octal(size < eleven ? size : 0, 124, 11);
  octal(Math.min(Math.max(mtime, 0), eleven - 1), 136, 11);
  header.fill(" ", 148, 156);
  header.write(type, 156, "latin1");
  link.copy(header, 157, 0, nameBytes);
  header.write("ustar\u000000", 257, "latin1");
  let sum = 0;
  for (const byte of header) sum += byte;
  octal(sum, 148, 6);
  header[154] = 0;
  return header;
}

/** `LENGTH key=value\n`, where LENGTH counts itself. */
function record(key: string, value: Buffer): Buffer {
  const rest = key.length + value.length + 3;
  let length = rest + String(rest).length;
  if (String(length).length > String(rest).length) length += 1;
  return Buffer.concat([Buffer.from(`${length} ${key}=`), value, Buffer.from("\n")]);
}

/** Before 1970 as well: -1.5 s is `-1.500000000`. */
function seconds(ns: bigint): string {
  const size = ns < 0n ? -ns : ns;
  return `${ns < 0n ? "-" : ""}${size / 1_000_000_000n}.${String(size % 1_000_000_000n).padStart(9, "0")}`;
}
