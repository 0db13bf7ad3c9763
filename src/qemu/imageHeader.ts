/**
 * The header of a qcow2 image, read by us (docs/interop/qcow2.rst): images are never probed, and what they point
 * to is decided before QEMU opens anything. All of it is untrusted.
 */
export interface Qcow2Header {
  readonly version: 2 | 3;
  readonly virtualBytes: number;
  readonly clusterBytes: number;
  /** As written: relative to the image's folder, or absolute. Never a protocol or `json:`. */
  readonly backingFile?: string;
  readonly backingFormat?: string;
  /** Guest data lies in another file (incompatible feature 2). */
  readonly externalData: boolean;
  /** QEMU found its metadata damaged. */
  readonly corrupt: boolean;
  /** Not closed properly; its reference counts may be wrong. */
  readonly dirty: boolean;
  readonly encrypted: boolean;
  readonly internalSnapshots: number;
}

const magic = 0x514649fb;
const extensions = { end: 0, backingFormat: 0xe2792aca } as const;
const feature = { dirty: 1n, corrupt: 2n, externalData: 4n, compressionType: 8n, extendedL2: 16n } as const;
const knownFeatures = Object.values(feature).reduce((all, bit) => all | bit, 0n);

/**
 * @param start the file's first bytes; 64 KiB holds every header QEMU writes
 * @param fileBytes the file's whole size
 * @returns the header, or what is wrong in words that continue “the file …”
 */
export function parseQcow2Header(start: Buffer, fileBytes: number): Qcow2Header | { readonly problem: string } {
  if (start.length < 4 || start.readUInt32BE(0) !== magic) return { problem: "is not a qcow2 image" };
  if (start.length < 72) return { problem: "is cut short" };
  const version = start.readUInt32BE(4);
  if (version !== 2 && version !== 3) return { problem: `is a qcow2 image of version ${version}, which Vivarium does not know` };
  if (version === 3 && start.length < 104) return { problem: "is cut short" };
  const clusterBits = start.readUInt32BE(20);
  const size = start.readBigUInt64BE(24);
  if (clusterBits < 9 || clusterBits > 21 || size > BigInt(Number.MAX_SAFE_INTEGER)) return { problem: "has a damaged header" };
  const incompatible = version === 3 ? start.readBigUInt64BE(72) : 0n;
  if ((incompatible & ~knownFeatures) !== 0n) return { problem: "uses qcow2 features that Vivarium does not know" };
  if (tablesEnd(start) > BigInt(fileBytes)) return { problem: "is cut short" };
  const backingFile = readBackingFile(start);
  if (typeof backingFile === "object") return backingFile;
  const backingFormat = readExtension(start, version === 3 ? start.readUInt32BE(100) : 72, extensions.backingFormat);
  return {
    version,
    virtualBytes: Number(size),
    clusterBytes: 2 ** clusterBits,
    ...(backingFile === undefined ? {} : { backingFile }),
    ...(backingFormat === undefined ? {} : { backingFormat }),
    externalData: (incompatible & feature.externalData) !== 0n,
    corrupt: (incompatible & feature.corrupt) !== 0n,
    dirty: (incompatible & feature.dirty) !== 0n,
    encrypted: start.readUInt32BE(32) !== 0,
    internalSnapshots: start.readUInt32BE(60),
  };
}

/** Where the L1 and the reference count tables end at the latest: a shorter file was cut. */
function tablesEnd(start: Buffer): bigint {
  const l1 = start.readBigUInt64BE(40) + 8n * BigInt(start.readUInt32BE(36));
  const counts = start.readBigUInt64BE(48) + BigInt(start.readUInt32BE(56)) * (1n << BigInt(start.readUInt32BE(20)));
  return l1 > counts ? l1 : counts;
}

const longestName = 1023;

function readBackingFile(start: Buffer): string | undefined | { problem: string } {
  const offset = start.readBigUInt64BE(8);
  if (offset === 0n) return undefined;
  const length = start.readUInt32BE(16);
  if (length === 0 || length > longestName || offset + BigInt(length) > BigInt(start.length)) return { problem: "has a damaged header" };
  const name = utf8(start.subarray(Number(offset), Number(offset) + length));
  // `json:{…}`, `nbd://…`: QEMU would take what is before a colon for a protocol, unless a slash comes first.
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is refused
  const odd = name === undefined || /[\u0000-\u001f\u007f]/.test(name) || (/^[^/\\]*:/.test(name) && !/^[A-Za-z]:[\\/]/.test(name));
  return odd ? { problem: "names a backing file that is not a plain path" } : name;
}

function readExtension(start: Buffer, first: number, wanted: number): string | undefined {
  for (let at = first; at + 8 <= start.length; ) {
    const type = start.readUInt32BE(at);
    const length = start.readUInt32BE(at + 4);
    if (type === extensions.end || at + 8 + length > start.length) return undefined;
    if (type === wanted) return utf8(start.subarray(at + 8, at + 8 + length));
    at += 8 + Math.ceil(length / 8) * 8;
  }
  return undefined;
}

function utf8(bytes: Buffer): string | undefined {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return undefined;
  }
}
