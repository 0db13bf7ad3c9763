import { blockwise, isPowerOfTwo, plainText, readExactly, requireVirtualSize, toNumber } from "./bytes.ts";
import { type GuestContent, type ImageBytes, type ImageHeader, refuse } from "./types.ts";

/** VHD of Virtual PC and Hyper-V (big-endian). Source: Microsoft's “Virtual Hard Disk Image Format Specification”, 2006. */

export const vpcCookie = "conectix";
const footerBytes = 512;
const unallocated = 0xff_ff_ff_ff;

/** The footer: at the end; a dynamic image has a copy at its start. */
export async function parseVpc(bytes: ImageBytes): Promise<ImageHeader> {
  const footer = await readExactly(bytes, Math.max(0, bytes.size - footerBytes), footerBytes, "footer");
  if (footer.toString("latin1", 0, 8) !== vpcCookie) refuse("is cut off: its footer is missing");
  requireChecksum(footer, 64, "footer");
  if (footer.readUInt32BE(12) !== 0x0001_0000) refuse("has a VHD version that nobody knows");
  const virtualBytes = requireVirtualSize(toNumber(footer.readBigUInt64BE(48)));
  const kind = footer.readUInt32BE(60);
  if (kind === 4) refuse("keeps only what differs from another VHD (a differencing image)");
  if (kind !== 2 && kind !== 3) refuse(`has VHD disk type ${kind}, which nobody knows`);
  if (footer.readUInt8(84) === 1) refuse("was saved with a machine's state");
  const content = kind === 2 ? fixedContent(bytes, virtualBytes) : await dynamicContent(bytes, footer, virtualBytes);
  return {
    format: "vpc",
    virtualBytes,
    snapshots: [],
    facts: [
      { name: "subformat", value: kind === 2 ? "fixed" : "dynamic" },
      { name: "creator", value: plainText(footer.subarray(28, 32)) },
    ],
    content: () => content,
  };
}

function fixedContent(bytes: ImageBytes, virtualBytes: number): GuestContent {
  if (virtualBytes > bytes.size - footerBytes) refuse("is cut off: it is shorter than its disk");
  return (offset, length) => bytes.read(offset, Math.min(length, virtualBytes - offset));
}

async function dynamicContent(bytes: ImageBytes, footer: Buffer, virtualBytes: number): Promise<GuestContent> {
  const head = await readExactly(bytes, toNumber(footer.readBigUInt64BE(16)), 1024, "dynamic header");
  if (head.toString("latin1", 0, 8) !== "cxsparse") refuse("has no dynamic header where it should be");
  requireChecksum(head, 36, "dynamic header");
  const blockBytes = head.readUInt32BE(32);
  if (!isPowerOfTwo(blockBytes) || blockBytes < 512) refuse(`has impossible blocks of ${blockBytes} bytes`);
  const tableAt = toNumber(head.readBigUInt64BE(16));
  const entries = head.readUInt32BE(28);
  if (entries < Math.ceil(virtualBytes / blockBytes)) refuse("has a block table that does not fit its size");
  if (tableAt + entries * 4 > bytes.size) refuse("is cut off: its block table lies beyond its end");
  const bitmapBytes = Math.ceil(blockBytes / 512 / 8 / 512) * 512;
  return blockwise(virtualBytes, blockBytes, async (index, within, length) => {
    const sector = (await readExactly(bytes, tableAt + index * 4, 4, "block table")).readUInt32BE(0);
    return sector === unallocated ? undefined : readExactly(bytes, sector * 512 + bitmapBytes + within, length, "data");
  });
}

/** One's complement of the sum of all bytes but the checksum's own. */
function requireChecksum(data: Buffer, at: number, what: string): void {
  let sum = 0;
  for (const [index, byte] of data.entries()) if (index < at || index >= at + 4) sum = (sum + byte) >>> 0;
  if (~sum >>> 0 !== data.readUInt32BE(at)) refuse(`is damaged: the checksum of its ${what} is wrong`);
}
