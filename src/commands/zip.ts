import { crc32, deflateRawSync } from "node:zlib";

/** A zip archive of texts (PKWARE APPNOTE 4.3): enough for a support bundle, without a library. */
export function zip(files: ReadonlyMap<string, string>): Uint8Array {
  const bodies: Buffer[] = [];
  const directory: Buffer[] = [];
  let offset = 0;
  for (const [name, text] of files) {
    const data = Buffer.from(text, "utf8");
    const packed = deflateRawSync(data);
    const path = Buffer.from(name, "utf8");
    const common = commonHeader(crc32(data), packed.length, data.length, path.length);
    const local = Buffer.concat([bytes("PK\x03\x04"), common, path, packed]);
    // Made on Unix (3), version 2.0; no comment, disk 0, internal attributes 0, a regular file with 0600.
    const end = Buffer.alloc(14);
    end.writeUInt32LE(0o100600 * 0x10000, 6);
    end.writeUInt32LE(offset, 10);
    directory.push(Buffer.concat([bytes("PK\x01\x02\x14\x03"), common, end, path]));
    bodies.push(local);
    offset += local.length;
  }
  const entries = Buffer.concat(directory);
  const last = Buffer.alloc(22);
  last.write("PK\x05\x06", "latin1");
  last.writeUInt16LE(files.size, 8);
  last.writeUInt16LE(files.size, 10);
  last.writeUInt32LE(entries.length, 12);
  last.writeUInt32LE(offset, 16);
  return Buffer.concat([...bodies, entries, last]);
}

/** Version, flags (bit 11: names are UTF-8), method (8: deflate), time (1980-01-01), checksum, sizes, name's length. */
function commonHeader(checksum: number, packedBytes: number, plainBytes: number, nameBytes: number): Buffer {
  const header = Buffer.alloc(26);
  header.writeUInt16LE(20, 0);
  header.writeUInt16LE(0x800, 2);
  header.writeUInt16LE(8, 4);
  header.writeUInt16LE(0x21, 8);
  header.writeUInt32LE(checksum, 10);
  header.writeUInt32LE(packedBytes, 14);
  header.writeUInt32LE(plainBytes, 18);
  header.writeUInt16LE(nameBytes, 22);
  return header;
}

function bytes(text: string): Buffer {
  return Buffer.from(text, "latin1");
}
