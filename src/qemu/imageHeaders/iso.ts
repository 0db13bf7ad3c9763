import { plainText, readExactly } from "./bytes.ts";
import { type ImageBytes, type ImageHeader, refuse } from "./types.ts";

/** ISO 9660 (ECMA-119): a volume descriptor at sector 16, and El Torito's boot record behind it. */

export const isoMark = "CD001";
export const isoMarkAt = 16 * 2048 + 1;
const sector = 2048;

export async function parseIso(bytes: ImageBytes): Promise<ImageHeader> {
  const primary = await readExactly(bytes, 16 * sector, sector, "volume descriptor");
  const blockBytes = primary.readUInt16LE(128);
  const volumeBytes = primary.readUInt32LE(80) * blockBytes;
  if (blockBytes !== sector || volumeBytes === 0) refuse("has an impossible ISO 9660 volume");
  if (volumeBytes > bytes.size) refuse("is cut off: it is shorter than its volume");
  const label = plainText(primary.subarray(40, 72));
  const boot = await bytes.read(17 * sector, 64);
  const bootable = boot.toString("latin1", 1, 6) === isoMark && boot.toString("latin1", 7, 30) === "EL TORITO SPECIFICATION";
  return {
    format: "iso",
    virtualBytes: bytes.size,
    snapshots: [],
    facts: [...(label ? [{ name: "label", value: label }] : []), { name: "bootable", value: bootable ? "yes" : "no" }],
    content: () => (offset, length) => bytes.read(offset, length),
  };
}
