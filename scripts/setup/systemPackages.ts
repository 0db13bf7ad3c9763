import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import { compilerPackage } from "../../guest/agent/build.ts";
import { run, SetupError } from "./run.ts";

/** A program of the host (or a header, by its absolute path) and the Debian package it comes from. */
export interface SystemProgram {
  readonly program: string;
  readonly package: string;
}

/** What making the bundle and the starter guest needs, and running it. */
export const buildPrograms: readonly SystemProgram[] = [
  { program: "dpkg-deb", package: "dpkg" },
  { program: "apt-get", package: "apt" },
  { program: "mke2fs", package: "e2fsprogs" },
  { program: "zstd", package: "zstd" },
  { program: "xz", package: "xz-utils" },
  { program: "ssh-keygen", package: "openssh-client" },
  compiler(process.arch === "arm64" ? "aarch64" : "x86_64"),
];

/** What the tests need beyond it. */
export const testPrograms: readonly SystemProgram[] = [
  compiler("x86_64"),
  compiler("aarch64"),
  { program: "x86_64-linux-gnu-as", package: "binutils-x86-64-linux-gnu" },
  { program: "aarch64-linux-gnu-as", package: "binutils-aarch64-linux-gnu" },
  { program: "xorriso", package: "xorriso" },
  { program: "isoinfo", package: "genisoimage" },
  { program: "mcopy", package: "mtools" },
  { program: "mkfs.vfat", package: "dosfstools" },
  { program: "python3", package: "python3" },
  { program: "ps", package: "procps" },
  { program: "ssh", package: "openssh-client" },
  { program: "unshare", package: "util-linux" },
  { program: "mount", package: "mount" },
  { program: "mkfs.xfs", package: "xfsprogs" },
  { program: "gpg", package: "gnupg" },
  { program: "curl", package: "curl" },
  { program: "openssl", package: "openssl" },
  // The Debian guest of the tests (test/support/debian.ts).
  { program: "mmdebstrap", package: "mmdebstrap" },
  { program: "sfdisk", package: "fdisk" },
  // An export must boot where nothing is ours.
  { program: "libvirtd", package: "libvirt-daemon-system" },
  { program: "virsh", package: "libvirt-clients" },
  { program: "qemu-system-x86_64", package: "qemu-system-x86" },
  { program: "cpio", package: "cpio" },
  // Reads what a network of machines captured.
  { program: "tshark", package: "tshark" },
  { program: "qemu-io", package: "qemu-utils" },
];

/** What compiles viv-agent for a guest. */
function compiler(architecture: "x86_64" | "aarch64"): SystemProgram {
  return { program: `${architecture}-linux-gnu-gcc`, package: compilerPackage(architecture) };
}

/** Installs what is missing, by apt-get as root; otherwise says the exact command. */
export async function ensureSystemPrograms(programs: readonly SystemProgram[]): Promise<void> {
  const missing = [...new Set(programs.filter(({ program }) => !onPath(program)).map((entry) => entry.package))];
  if (missing.length === 0) return;
  const command = `apt-get install -y --no-install-recommends ${missing.join(" ")}`;
  if (process.getuid?.() !== 0 || !onPath("apt-get")) {
    throw new SetupError(
      `These Debian packages are missing: ${missing.join(", ")}. Install them and run this again:\n\n    sudo ${command}\n`,
    );
  }
  console.log(`Installing Debian packages: ${missing.join(", ")}`);
  const env = { DEBIAN_FRONTEND: "noninteractive" };
  // A fresh system has no package lists yet, or old ones.
  const known = spawnSync("apt-get", ["install", "--simulate", "-qq", ...missing], { stdio: "ignore" }).status === 0;
  if (!known) await run("apt-get", ["update", "-qq"], { env });
  await run("apt-get", ["install", "-y", "-qq", "--no-install-recommends", ...missing], { env, quiet: true });
}

function onPath(program: string): boolean {
  if (program.startsWith("/")) return existsSync(program);
  const folders = [...(process.env.PATH ?? "").split(delimiter), "/usr/sbin", "/sbin"];
  return folders.some((folder) => folder !== "" && existsSync(join(folder, program)));
}
