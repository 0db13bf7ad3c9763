import { type CheckedImage, requireImage, withBytes } from "../../../machine/index.ts";
import { vivError } from "../../../model/index.ts";
import { isTar, type Member, readArchive } from "./archive.ts";
import { checkManifest, parseManifest } from "./manifest.ts";
import { type OvfMachine, parseOvf } from "./ovf.ts";

/** An OVA that was read, its manifest compared, and every disk's header checked. */
export interface Ova {
  readonly machine: OvfMachine;
  readonly disks: readonly CheckedImage[];
  readonly members: readonly Member[];
  readonly manifest: "checked" | "absent";
}

const largestText = 4 * 1024 ** 2;
/** A disk larger than this for each byte of its file is a bomb; an empty stream of a 2 TiB disk stays below. */
const largestRatio = 100_000_000;

export async function isOva(file: string): Promise<boolean> {
  return withBytes({ file }, isTar);
}

/**
 * @throws VivError `untrusted-input` with what is wrong, and what `withBytes` throws
 */
export async function readOva(file: string, options: { signal: AbortSignal; onPercent(percent: number): void }): Promise<Ova> {
  const { members, machine, manifest } = await withBytes({ file }, async (bytes) => {
    if (!(await isTar(bytes))) throw vivError("untrusted-input", `${file} is not an OVA (a tar archive).`);
    const members = await readArchive(bytes, file);
    const text = async (member: Member) => {
      if (member.bytes > largestText) throw vivError("untrusted-input", `${file}: ${member.name} is too large (${member.bytes} bytes).`);
      return (await bytes.read(member.offset, member.bytes)).toString("utf8");
    };
    const descriptors = members.filter(({ name }) => /\.ovf$/i.test(name));
    const [descriptor] = descriptors;
    if (!descriptor || descriptors.length > 1)
      throw vivError("untrusted-input", `${file} holds ${descriptors.length} OVF descriptors instead of one.`);
    const manifest = members.find(({ name }) => name.toLowerCase() === descriptor.name.toLowerCase().replace(/\.ovf$/, ".mf"));
    if (manifest) await checkManifest(parseManifest(await text(manifest), file), members, bytes, file, options);
    return {
      members,
      machine: parseOvf(await text(descriptor), `${file}: ${descriptor.name}`),
      manifest: manifest ? "checked" : "absent",
    } as const;
  });
  const disks: CheckedImage[] = [];
  for (const { file: name } of machine.disks) {
    const member = members.find((each) => each.name === name);
    if (!member) throw vivError("untrusted-input", `${file} lacks ${JSON.stringify(name)}, a disk of the machine.`);
    const part = { offset: member.offset, bytes: member.bytes };
    const disk = await requireImage({ file, part }, undefined, `${file}: ${name}`);
    if (disk.virtualBytes / Math.max(1, member.bytes) > largestRatio)
      throw vivError(
        "untrusted-input",
        `${file}: ${name} claims far more than it could hold (${disk.virtualBytes} bytes in ${member.bytes}).`,
      );
    disks.push(disk);
  }
  return { machine, disks, members, manifest };
}
