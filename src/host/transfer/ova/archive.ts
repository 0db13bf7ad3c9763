import { Header, Pax } from "tar";
import { vivError } from "../../../model/index.ts";
import type { ImageBytes } from "../../../qemu/index.ts";

/** A file in an OVA (a plain tar): where its bytes are. Nothing is ever unpacked. */
export interface Member {
  readonly name: string;
  readonly offset: number;
  readonly bytes: number;
}

const block = 512;
const mostMembers = 1000;
const largestPax = 65_536;

/** Is this a tar at all? */
export async function isTar(bytes: ImageBytes): Promise<boolean> {
  const first = await bytes.read(0, block);
  return first.length === block && first.toString("latin1", 257, 262) === "ustar" && new Header(first, 0).cksumValid;
}

/**
 * The files of an OVA. It is flat and holds plain files alone (DSP0243, 7.2): anything else in it is an attempt at
 * something.
 * @param name how errors call the archive
 * @throws VivError `untrusted-input`
 */
export async function readArchive(bytes: ImageBytes, name: string): Promise<Member[]> {
  const members: Member[] = [];
  const refuse = (reason: string): never => {
    throw vivError("untrusted-input", `${name} ${reason}.`, "Get the file again, and compare its checksum.");
  };
  let extended: Pax | undefined;
  for (let at = 0; ; ) {
    const raw = await bytes.read(at, block);
    if (raw.length < block) return refuse("is cut off: its end is missing");
    const header = new Header(raw, 0, extended);
    if (header.nullBlock) return members;
    if (!header.cksumValid) refuse("is damaged: the checksum of a file's header is wrong");
    const size = header.size ?? 0;
    if (!Number.isSafeInteger(size) || size < 0 || at + block + size > bytes.size) refuse("is cut off: a file in it is not whole");
    const start = at + block;
    at = start + Math.ceil(size / block) * block;
    if (header.type === "ExtendedHeader") {
      if (size > largestPax || extended !== undefined) refuse("has a file header of impossible length");
      extended = Pax.parse((await bytes.read(start, size)).toString("utf8"));
      continue;
    }
    extended = undefined;
    const reason = reasonAgainst(header, members);
    if (reason !== undefined) refuse(reason);
    members.push({ name: header.path ?? "", offset: start, bytes: size });
  }
}

function reasonAgainst({ path = "", type }: Header, members: readonly Member[]): string | undefined {
  const shown = JSON.stringify(path.slice(0, 100));
  if (type !== "File" && type !== "OldFile" && type !== "ContiguousFile") return `holds ${shown}, which is no plain file (${type})`;
  if (path === "" || /\p{Cc}/u.test(path) || /[\\/]/.test(path) || path === "." || path === "..")
    return `holds ${shown}, a name that leads out of its folder`;
  // File systems that ignore case would have one overwrite the other.
  if (members.some(({ name }) => name.toLowerCase() === path.toLowerCase())) return `holds ${shown} twice`;
  return members.length >= mostMembers ? `holds more than ${mostMembers} files` : undefined;
}
