import { blockwise, plainText, readExactly, requireVirtualSize, toNumber } from "./bytes.ts";
import { type ImageBytes, type ImageHeader, refuse } from "./types.ts";

/** VirtualBox's disk image (little-endian). Source: the structure in QEMU's block/vdi.c. */

export const vdiSignature = 0xbe_da_10_7f;
const headerBytes = 0x1d8;
const kinds: Record<number, string> = { 1: "dynamic", 2: "fixed", 3: "undo", 4: "differencing" };
/** Block map entries from here on are “not allocated” and “discarded”: both read as zeroes. */
const firstUnallocated = 0xff_ff_ff_fe;
const noUuid = Buffer.alloc(16);

export async function parseVdi(bytes: ImageBytes): Promise<ImageHeader> {
  const head = await readExactly(bytes, 0, headerBytes, "header");
  const version = head.readUInt32LE(0x44);
  if (version !== 0x0001_0001) refuse(`has VDI version ${version >>> 16}.${version & 0xffff}; only 1.1 is known`);
  const kind = head.readUInt32LE(0x4c);
  if (kind === 3 || kind === 4) refuse("keeps only what differs from another VDI (a differencing image)");
  const subformat = kinds[kind] ?? refuse(`has VDI image type ${kind}, which nobody knows`);
  for (const [at, what] of [
    [0x1a8, "is linked to"],
    [0x1b8, "is built on"],
  ] as const)
    if (!head.subarray(at, at + 16).equals(noUuid)) refuse(`${what} another VDI`);
  if (head.readUInt32LE(0x168) !== 512) refuse("has sectors that are not 512 bytes");
  const virtualBytes = requireVirtualSize(toNumber(head.readBigUInt64LE(0x170)));
  const blockBytes = head.readUInt32LE(0x178);
  if (blockBytes !== 1024 ** 2) refuse(`has blocks of ${blockBytes} bytes; only 1 MiB is known`);
  const blocks = head.readUInt32LE(0x180);
  if (blocks !== Math.ceil(virtualBytes / blockBytes)) refuse("has a block map that does not fit its size");
  const mapAt = head.readUInt32LE(0x154);
  const dataAt = head.readUInt32LE(0x158);
  if (mapAt < headerBytes || mapAt + blocks * 4 > bytes.size) refuse("is cut off: its block map lies beyond its end");
  const allocated = head.readUInt32LE(0x184);
  if (allocated > blocks) refuse("has more blocks than its size allows");
  if (dataAt + allocated * blockBytes > bytes.size) refuse("is cut off: its last blocks are missing");
  return {
    format: "vdi",
    virtualBytes,
    snapshots: [],
    facts: [
      { name: "subformat", value: subformat },
      { name: "blocks", value: `${allocated} of ${blocks}, 1 MiB each` },
      { name: "creator", value: plainText(head.subarray(0, 0x40)) },
    ],
    content: () =>
      blockwise(virtualBytes, blockBytes, async (index, within, length) => {
        const entry = (await readExactly(bytes, mapAt + index * 4, 4, "block map")).readUInt32LE(0);
        return entry >= firstUnallocated ? undefined : readExactly(bytes, dataAt + entry * blockBytes + within, length, "data");
      }),
  };
}
