import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { access, copyFile, mkdir, mkdtemp, readdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { homedir } from "node:os";
import { delimiter, join } from "node:path";
import { promisify } from "node:util";
import { gunzipSync } from "node:zlib";
import { type AptRoot, type DebianArchitecture, openAptRoot } from "../../scripts/apt/index.ts";
import { checkout } from "./home.ts";

/**
 * Media that boot the starter guest the ways a person's own media do: a CD by BIOS and by UEFI, a folder for network boot.
 * Boot loaders are Debian's signed ones, so the same CD proves Secure Boot. Everything is kept in the cache by content.
 */

export type Architecture = "x86_64" | "aarch64";

const cache = process.env.VIVARIUM_CACHE ?? join(homedir(), ".cache", "vivarium");
const suite = "trixie";

/** Grows when the recipes below change what they make. */
const recipe = 5;

/** One medium: what it is called in the cache, what it is made of, and how. */
interface Recipe {
  readonly name: string;
  readonly architecture: Architecture;
  readonly packages: readonly (readonly [name: string, architecture: DebianArchitecture])[];
  /** Fills `target`, a file or a folder that does not exist yet. */
  make(target: string, sources: Sources): Promise<void>;
}

interface Sources {
  /** The starter's kernel, as firmware and boot loaders want it: not packed by gzip. */
  readonly kernel: Buffer;
  readonly initrd: Buffer;
  /** Kernel command line for a guest that runs from memory. */
  readonly append: string;
  /** A scratch folder. */
  readonly scratch: string;
  /** A file of an unpacked package, by its path in the package. */
  file(path: string): string;
}

/**
 * A CD that boots the starter by UEFI, and on x86_64 by BIOS. By UEFI the signed chain is used: firmware → shim → GRUB →
 * Debian's kernel. GRUB first tries the same kernel with one byte changed and says `changed kernel refused` when it may not
 * start it; without Secure Boot it says `changed kernel not tried`. Copied to a disk, the x86_64 one boots from there too.
 */
export function bootCd(architecture: Architecture): Promise<string> {
  return architecture === "x86_64" ? make(cdX86) : make(cdArm);
}

/** A CD whose UEFI boot loader carries no signature: Secure Boot must refuse it. */
export function unsignedCd(): Promise<string> {
  return make(cdUnsigned);
}

/** A folder for network boot: `pxelinux.0` for BIOS, `grubx64.efi` for UEFI, `shimx64.efi` for Secure Boot. */
export function netbootFolder(): Promise<string> {
  return make(netboot);
}

const cdX86: Recipe = {
  name: "cd-x86_64.iso",
  architecture: "x86_64",
  packages: [
    ["isolinux", "amd64"],
    ["syslinux-common", "amd64"],
    ["shim-signed", "amd64"],
    ["grub-efi-amd64-signed", "amd64"],
  ],
  async make(target, sources) {
    const tree = join(sources.scratch, "cd");
    await fillCd(tree, sources);
    await mkdir(join(tree, "isolinux"));
    await copyFile(sources.file("usr/lib/ISOLINUX/isolinux.bin"), join(tree, "isolinux", "isolinux.bin"));
    await copyFile(sources.file("usr/lib/syslinux/modules/bios/ldlinux.c32"), join(tree, "isolinux", "ldlinux.c32"));
    await writeFile(join(tree, "isolinux", "isolinux.cfg"), syslinuxMenu(sources.append, "/boot/"));
    await efiImage(join(tree, "boot", "efi.img"), sources, {
      "BOOTX64.EFI": "usr/lib/shim/shimx64.efi.signed",
      "grubx64.efi": "usr/lib/grub/x86_64-efi-signed/gcdx64.efi.signed",
    });
    const bios = ["-b", "isolinux/isolinux.bin", "-c", "isolinux/boot.cat", "-no-emul-boot", "-boot-load-size", "4", "-boot-info-table"];
    const asDisk = ["-isohybrid-mbr", sources.file("usr/lib/ISOLINUX/isohdpfx.bin")];
    await makeIso(target, tree, [...asDisk, ...bios, "-eltorito-alt-boot", ...efiBoot, "-isohybrid-gpt-basdat"]);
  },
};

const cdArm: Recipe = {
  name: "cd-aarch64.iso",
  architecture: "aarch64",
  packages: [
    ["shim-signed", "arm64"],
    ["grub-efi-arm64-signed", "arm64"],
  ],
  async make(target, sources) {
    const tree = join(sources.scratch, "cd");
    await fillCd(tree, sources);
    await efiImage(join(tree, "boot", "efi.img"), sources, {
      "BOOTAA64.EFI": "usr/lib/shim/shimaa64.efi.signed",
      "grubaa64.efi": "usr/lib/grub/arm64-efi-signed/gcdaa64.efi.signed",
    });
    await makeIso(target, tree, efiBoot);
  },
};

const cdUnsigned: Recipe = {
  name: "cd-unsigned-x86_64.iso",
  architecture: "x86_64",
  packages: [["grub-efi-amd64-unsigned", "amd64"]],
  async make(target, sources) {
    const tree = join(sources.scratch, "cd");
    await fillCd(tree, sources);
    await efiImage(join(tree, "boot", "efi.img"), sources, { "BOOTX64.EFI": "usr/lib/grub/x86_64-efi/monolithic/gcdx64.efi" });
    await makeIso(target, tree, efiBoot);
  },
};

const netboot: Recipe = {
  name: "netboot-x86_64",
  architecture: "x86_64",
  packages: [
    ["pxelinux", "amd64"],
    ["syslinux-common", "amd64"],
    ["shim-signed", "amd64"],
    ["grub-efi-amd64-signed", "amd64"],
  ],
  async make(target, sources) {
    await Promise.all(["pxelinux.cfg", "grub"].map((folder) => mkdir(join(target, folder), { recursive: true })));
    await copyFile(sources.file("usr/lib/PXELINUX/pxelinux.0"), join(target, "pxelinux.0"));
    await copyFile(sources.file("usr/lib/syslinux/modules/bios/ldlinux.c32"), join(target, "ldlinux.c32"));
    await copyFile(sources.file("usr/lib/shim/shimx64.efi.signed"), join(target, "shimx64.efi"));
    await copyFile(sources.file("usr/lib/grub/x86_64-efi-signed/grubnetx64.efi.signed"), join(target, "grubx64.efi"));
    await writeFile(join(target, "kernel"), sources.kernel);
    await writeFile(join(target, "initrd"), sources.initrd);
    await writeFile(join(target, "pxelinux.cfg", "default"), syslinuxMenu(sources.append, ""));
    await writeFile(join(target, "grub", "grub.cfg"), grubMenu(sources.append, "/"));
  },
};

/** What both boot loaders of a CD read, and the mark by which GRUB knows the CD among all media. */
async function fillCd(tree: string, sources: Sources): Promise<void> {
  await Promise.all(["boot/grub", ".disk"].map((folder) => mkdir(join(tree, folder), { recursive: true })));
  await writeFile(join(tree, "boot", "kernel"), sources.kernel);
  await writeFile(join(tree, "boot", "initrd"), sources.initrd);
  await writeFile(join(tree, "boot", "changed"), changed(sources.kernel));
  await writeFile(join(tree, ".disk", "info"), "Vivarium test medium\n");
  await writeFile(join(tree, "boot", "grub", "grub.cfg"), `${tryChangedKernel}${grubMenu(sources.append, "/boot/")}`);
}

/** One bit in the middle of the code: still a kernel, and no longer what was signed. */
function changed(kernel: Buffer): Buffer {
  const copy = Buffer.from(kernel);
  const at = Math.floor(copy.length / 2);
  copy.writeUInt8(copy.readUInt8(at) ^ 1, at);
  return copy;
}

/** GRUB has `$shim_lock` only below shim with Secure Boot on. */
const tryChangedKernel = `if [ "$shim_lock" = y ]; then
  if linux /boot/changed; then echo "vivarium: changed kernel accepted"; else echo "vivarium: changed kernel refused"; fi
else
  echo "vivarium: changed kernel not tried"
fi
`;

function grubMenu(append: string, folder: string): string {
  return `echo "vivarium: loaded by GRUB"\nlinux ${folder}kernel ${append}\ninitrd ${folder}initrd\nboot\n`;
}

/** No serial port of its own: without a screen the BIOS sends there what is written to the screen. */
function syslinuxMenu(append: string, folder: string): string {
  return `DEFAULT starter\nPROMPT 0\nLABEL starter\n  KERNEL ${folder}kernel\n  INITRD ${folder}initrd\n  APPEND ${append}\n`;
}

const efiBoot = ["-e", "boot/efi.img", "-no-emul-boot"];

/** The FAT file system that UEFI reads off a CD. `files`: name in `EFI/BOOT` → path in its package. */
async function efiImage(image: string, sources: Sources, files: Readonly<Record<string, string>>): Promise<void> {
  await run("mformat", ["-C", "-i", image, "-T", String(6 * 2048), "-h", "64", "-s", "32", "::"]);
  await run("mmd", ["-i", image, "::EFI", "::EFI/BOOT"]);
  for (const [name, path] of Object.entries(files)) await run("mcopy", ["-i", image, sources.file(path), `::EFI/BOOT/${name}`]);
}

async function makeIso(target: string, tree: string, boot: readonly string[]): Promise<void> {
  await run("xorriso", ["-as", "mkisofs", "-quiet", "-R", "-J", "-V", "VIVARIUM", ...boot, "-o", target, tree]);
}

/** The medium from the cache, made first where it is not there. Several test processes may do so at once: the first one wins. */
async function make(wanted: Recipe): Promise<string> {
  const guest = join(checkout, "dist", "guest", wanted.architecture);
  const image = JSON.parse(await readFile(join(guest, "image.json"), "utf8")) as { append: string; sha256: Record<string, string> };
  const debs = await packages(wanted.packages);
  const key = createHash("sha256")
    .update(JSON.stringify([recipe, wanted.name, image.append, image.sha256.kernel, image.sha256.initrd, debs.map((deb) => deb.sha256)]))
    .digest("hex")
    .slice(0, 16);
  const folder = join(cache, "media", `${wanted.name}-${key}`);
  const target = join(folder, wanted.name);
  if (await exists(target)) return target;
  await mkdir(join(cache, "media"), { recursive: true });
  const scratch = await mkdtemp(join(cache, "media", ".making-"));
  try {
    const unpacked = join(scratch, "packages");
    for (const deb of debs) await run("dpkg-deb", ["-x", deb.file, unpacked]);
    const [kernel, initrd] = await Promise.all([readFile(join(guest, "kernel")), readFile(join(guest, "initrd"))]);
    const result = join(scratch, "result");
    await mkdir(result);
    await wanted.make(join(result, wanted.name), {
      kernel: kernel.readUInt16BE(0) === gzipMagic ? gunzipSync(kernel) : kernel,
      initrd,
      append: image.append,
      scratch,
      file: (path) => join(unpacked, path),
    });
    await removeOlder(wanted.name);
    await rename(result, folder).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== "ENOTEMPTY" && error.code !== "EEXIST") throw error;
    });
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
  return target;
}

/** Earlier media of this name; not those of today, which another test may be using. */
async function removeOlder(name: string): Promise<void> {
  const media = join(cache, "media");
  for (const entry of await readdir(media)) {
    if (!entry.startsWith(`${name}-`)) continue;
    const { mtimeMs } = await stat(join(media, entry));
    if (Date.now() - mtimeMs > 24 * 3600 * 1000) await rm(join(media, entry), { recursive: true, force: true });
  }
}

const gzipMagic = 0x1f8b;

interface Deb {
  readonly sha256: string;
  readonly file: string;
}

let apt: Promise<AptRoot> | undefined;

/**
 * The packages as .deb files. What a package's name meant the last time is written down beside them, so that later runs
 * need no network.
 */
async function packages(names: Recipe["packages"]): Promise<Deb[]> {
  apt ??= openAptRoot({ folder: join(cache, "apt"), suite });
  const root = await apt;
  const debs: Deb[] = [];
  for (const [name, architecture] of names) debs.push(await onePackage(root, name, architecture));
  return debs;
}

async function onePackage(root: AptRoot, name: string, architecture: DebianArchitecture): Promise<Deb> {
  const record = join(cache, "media", "packages", `${name}-${architecture}`);
  const known = (await readFile(record, "utf8").catch(() => "")).trim();
  const cached = known === "" ? undefined : await root.cached(name, known);
  if (cached !== undefined) return { sha256: known, file: cached };
  await root.update();
  const found = await root.find(name, architecture);
  if (!found) throw new Error(`Debian ${suite} has no package ${name} for ${architecture}.`);
  const file = (await root.cached(name, found.sha256)) ?? (await root.download(found));
  await mkdir(join(cache, "media", "packages"), { recursive: true });
  await writeFile(record, `${found.sha256}\n`);
  return { sha256: found.sha256, file };
}

/** System programs of /sbin are not on every user's PATH. */
async function run(command: string, args: readonly string[]): Promise<void> {
  const env = { ...process.env, PATH: [process.env.PATH, "/usr/sbin", "/sbin"].join(delimiter), LC_ALL: "C" };
  await promisify(execFile)(command, [...args], { env, maxBuffer: 16 << 20 });
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
