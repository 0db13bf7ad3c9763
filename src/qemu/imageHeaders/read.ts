import { isoMark, isoMarkAt, parseIso } from "./iso.ts";
import { parseQcow2 } from "./qcow2.ts";
import { otherFormat, parseRaw } from "./raw.ts";
import { type DiskImageFormat, type ImageBytes, type ImageHeader, Refused, refuse } from "./types.ts";
import { parseVdi, vdiSignature } from "./vdi.ts";
import { parseVhdx, vhdxSignature } from "./vhdx.ts";
import { parseVmdk, refuseDescriptor, vmdkDescriptorStart, vmdkMagic } from "./vmdk.ts";
import { parseVpc, vpcCookie } from "./vpc.ts";

const parsers: Record<Exclude<DiskImageFormat, "raw">, (bytes: ImageBytes) => Promise<ImageHeader>> = {
  qcow2: parseQcow2,
  vmdk: parseVmdk,
  vdi: parseVdi,
  vhdx: parseVhdx,
  vpc: parseVpc,
  iso: parseIso,
};

/**
 * What an image file is, by its own marks and never by its name. With `format` it must be that; `raw` then is whatever
 * bytes there are. Never throws for the file's content: `refused` says what is wrong.
 */
export async function readImageHeader(bytes: ImageBytes, format?: DiskImageFormat): Promise<ImageHeader> {
  let found: DiskImageFormat | undefined = format;
  try {
    const detected = format === "raw" ? "raw" : await detect(bytes);
    if (format !== undefined && detected !== format) refuse(`is not ${format}${detected === undefined ? "" : ` but ${detected}`}`);
    found ??= detected;
    if (found === "raw" || found === undefined) return await parseRaw(bytes, format === "raw");
    return await parsers[found](bytes);
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    return { format: found ?? "raw", snapshots: [], facts: [], refused: error.message };
  }
}

/** The format whose mark the file bears; undefined for none. Refuses what bears the mark of something else. */
async function detect(bytes: ImageBytes): Promise<DiskImageFormat | undefined> {
  const start = await bytes.read(0, 512);
  const text = start.toString("latin1");
  if (text.startsWith("QFI\xfb")) return "qcow2";
  if (text.startsWith(vmdkMagic)) return "vmdk";
  if (text.slice(0, 512).trimStart().toLowerCase().startsWith(vmdkDescriptorStart.toLowerCase()))
    refuseDescriptor((await bytes.read(0, 65_536)).toString("utf8"));
  if (text.startsWith(vhdxSignature)) return "vhdx";
  if (text.startsWith(vpcCookie)) return "vpc";
  if (start.length >= 68 && start.readUInt32LE(64) === vdiSignature) return "vdi";
  if ((await bytes.read(isoMarkAt, 5)).toString("latin1") === isoMark) return "iso";
  if (bytes.size >= 1024 && (await bytes.read(bytes.size - 512, 8)).toString("latin1") === vpcCookie) return "vpc";
  const other = await otherFormat(bytes);
  if (other !== undefined) refuse(other);
  return undefined;
}
