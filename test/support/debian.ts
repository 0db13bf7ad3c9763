/**
 * A real Debian 12 guest as its cloud images are: systemd, cloud-init, OpenSSH, qemu-guest-agent, the cloud kernel (no 9p),
 * UEFI, one ext4 root that cloud-init grows, no machine-id and no SSH host keys of its own. Built from Debian's packages
 * once (about a minute) and kept in the cache, by a key of this recipe.
 *
 *   const file = await debianImage();                             // a qcow2 to import, pull or put an overlay on
 *   const machine = await debianMachine(client, "deb");           // imported, started, its guest agent answers
 *   const machine = await debianMachine(client, "deb", { memory: "1G", start: false });
 *   const file = await debianImage(morePackages);                 // with more of Debian's packages: another image, kept too
 *
 * Without a NoCloud seed cloud-init finds no data source and stays away; adapters get their address by DHCP either way.
 * Booting takes 25–40 s under emulation on a quiet host, so a test file boots it once.
 */
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, open, readdir, rename, rm, stat, symlink, truncate, writeFile } from "node:fs/promises";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { execa } from "execa";
import { hostArchives } from "../../scripts/apt/index.ts";
import type { MachineDetails, VivClient } from "../../src/api/index.ts";
import { tool } from "./tools.ts";

const mib = 1024 ** 2;
const efi = { startMib: 1, mib: 96 };
const rootStartMib = 97;
const rootMib = (more: readonly string[]): number => (more.length === 0 ? 1800 : 2800);

const packages = [
  ...["linux-image-cloud-amd64", "systemd-sysv", "systemd-boot-efi", "systemd-resolved", "dbus", "udev", "cloud-init", "cloud-guest-utils"],
  ...["openssh-server", "qemu-guest-agent", "sudo", "iproute2", "e2fsprogs", "fdisk", "ca-certificates", "less", "netbase", "procps"],
  ...["tzdata", "locales", "keyboard-configuration", "console-setup", "python3", "curl"],
];

/** Files of the image that are not a package's. Cloud images have no host keys: cloud-init, or sshd's unit, makes them. */
const files: Record<string, string> = {
  "etc/hostname": "debian\n",
  "etc/fstab": "LABEL=debian-root / ext4 defaults 0 1\n",
  "etc/machine-id": "",
  "etc/apt/sources.list": "",
  "etc/systemd/network/90-dhcp.network": "[Match]\nName=en* eth*\n\n[Network]\nDHCP=yes\n",
  "etc/systemd/system/ssh.service.d/keys.conf":
    "[Service]\nExecStartPre=\nExecStartPre=/usr/bin/ssh-keygen -A\nExecStartPre=/usr/sbin/sshd -t\n",
};

const enabled: Record<string, string> = {
  "etc/systemd/system/multi-user.target.wants/systemd-networkd.service": "/lib/systemd/system/systemd-networkd.service",
  "etc/systemd/system/multi-user.target.wants/ssh.service": "/lib/systemd/system/ssh.service",
  "etc/systemd/system/apt-daily.timer": "/dev/null",
  "etc/systemd/system/apt-daily-upgrade.timer": "/dev/null",
};

/** What single tests need beyond it: one image more for all of them. */
export const morePackages = ["btrfs-progs", "lvm2", "spice-vdagent", "xclip", "xfsprogs", "xvfb"];

const kernelArguments = "root=LABEL=debian-root ro console=tty0 console=ttyS0,115200";

const cache = join(process.env["VIVARIUM_CACHE"] ?? join(homedir(), ".cache", "vivarium"), "debian");

const images = new Map<string, Promise<string>>();

/** The image as a qcow2 of our own cache: never written to, import it or put an overlay on it. */
export function debianImage(more: readonly string[] = []): Promise<string> {
  const key = more.join();
  const image = images.get(key) ?? builtOnce(more);
  images.set(key, image);
  return image;
}

/** Imported under `name`; unless `start` is false, running with its guest agent answering. */
export async function debianMachine(
  client: VivClient,
  name: string,
  options: { memory?: string; cpus?: number; set?: string[]; start?: boolean; packages?: readonly string[] } = {},
): Promise<MachineDetails> {
  await client.call("machine.import", { file: await debianImage(options.packages), name, firmware: "uefi" });
  const set = [`memory=${options.memory ?? "768M"}`, `cpus=${options.cpus ?? 2}`, "display.type=none", ...(options.set ?? [])];
  const imported = await client.call("machine.set", { machine: name, set });
  if (options.start === false) return imported;
  await client.call("machine.start", { machine: name });
  return client.call("machine.wait", { machine: name, for: "agent", timeoutMs: 400_000 });
}

async function builtOnce(more: readonly string[]): Promise<string> {
  const recipe = JSON.stringify([packages, files, enabled, kernelArguments, efi, rootMib(more)]);
  const name = ["debian12", ...more].join("-");
  const file = join(cache, `${name}.${createHash("sha256").update(recipe).digest("hex").slice(0, 16)}.qcow2`);
  if (existsSync(file)) return file;
  await mkdir(cache, { recursive: true });
  const lock = `${file}.lock`;
  // Several test files may come at once: one builds, the others wait for it.
  while (!(await taken(lock))) {
    if (existsSync(file)) return file;
    await sleep(500);
  }
  try {
    if (!existsSync(file)) await build(file, more);
    for (const old of await readdir(cache))
      if (old.startsWith(`${name}.`) && old.endsWith(".qcow2") && join(cache, old) !== file) await rm(join(cache, old));
    return file;
  } finally {
    await rm(lock, { force: true });
  }
}

/** A lock whose owner was killed is stale after ten minutes. */
async function taken(lock: string): Promise<boolean> {
  try {
    await (await open(lock, "wx")).close();
    return true;
  } catch {
    const age = Date.now() - ((await stat(lock).catch(() => undefined))?.mtimeMs ?? Date.now());
    if (age > 600_000) await rm(lock, { force: true });
    return false;
  }
}

async function build(file: string, more: readonly string[]): Promise<void> {
  const folder = await mkdtemp(join(cache, "building-"));
  try {
    const system = join(folder, "root");
    const { main } = await hostArchives();
    await execa("mmdebstrap", [
      "--variant=minbase",
      "--quiet",
      `--include=${[...packages, ...more].join(",")}`,
      "bookworm",
      system,
      main.uri,
    ]);
    await finish(system);
    await writeFile(join(folder, "root.img"), "");
    await truncate(join(folder, "root.img"), rootMib(more) * mib);
    await execa("mke2fs", ["-q", "-t", "ext4", "-L", "debian-root", "-d", system, join(folder, "root.img")]);
    await efiPartition(system, folder);
    await disk(folder, rootMib(more));
    await rm(system, { recursive: true, force: true });
    const convert = await tool("qemu-img");
    const words = [...convert.argsPrefix, "convert", "-f", "raw", "-O", "qcow2", "disk.img", "disk.qcow2"];
    await execa(convert.file, words, { cwd: folder, env: convert.env });
    await rename(join(folder, "disk.qcow2"), file);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function finish(system: string): Promise<void> {
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(system, path)), { recursive: true });
    await writeFile(join(system, path), text);
  }
  for (const [path, target] of Object.entries(enabled)) {
    await mkdir(dirname(join(system, path)), { recursive: true });
    await rm(join(system, path), { force: true });
    await symlink(target, join(system, path));
  }
  for (const name of await readdir(join(system, "etc", "ssh"))) {
    if (name.startsWith("ssh_host_")) await rm(join(system, "etc", "ssh", name));
  }
}

async function efiPartition(system: string, folder: string): Promise<void> {
  const boot = await readdir(join(system, "boot"));
  const named = (start: string) => join(system, "boot", boot.find((name) => name.startsWith(start)) ?? start);
  await writeFile(join(folder, "loader.conf"), "default debian.conf\ntimeout 0\n");
  const entry = `title Debian 12\nlinux /vmlinuz\ninitrd /initrd.img\noptions ${kernelArguments}\n`;
  await writeFile(join(folder, "debian.conf"), entry);
  const target = join(folder, "efi.img");
  await writeFile(target, "");
  await truncate(target, efi.mib * mib);
  await execa("mkfs.vfat", ["-F", "32", "-n", "ESP", target]);
  const copies = [
    [named("vmlinuz-"), "::/vmlinuz"],
    [named("initrd.img-"), "::/initrd.img"],
    [join(system, "usr", "lib", "systemd", "boot", "efi", "systemd-bootx64.efi"), "::/EFI/BOOT/BOOTX64.EFI"],
    [join(folder, "loader.conf"), "::/loader/loader.conf"],
    [join(folder, "debian.conf"), "::/loader/entries/debian.conf"],
  ] as const;
  await execa("mmd", ["-i", target, "::/EFI", "::/EFI/BOOT", "::/loader", "::/loader/entries"]);
  for (const [source, place] of copies) await execa("mcopy", ["-i", target, source, place]);
}

async function disk(folder: string, rootMib: number): Promise<void> {
  const target = join(folder, "disk.img");
  await writeFile(target, "");
  await truncate(target, (rootStartMib + rootMib + 1) * mib);
  const table = [
    "label: gpt",
    `start=${efi.startMib}MiB, size=${efi.mib}MiB, type=uefi, name=EFI`,
    `start=${rootStartMib}MiB, size=${rootMib}MiB, type=4F68BCE3-E8CD-4DB1-96E7-FBCAF984B709, name=root`,
  ];
  await execa("sfdisk", ["--quiet", target], { input: table.join("\n") });
  for (const [part, start] of [
    ["efi.img", efi.startMib],
    ["root.img", rootStartMib],
  ] as const) {
    await execa("dd", [`if=${join(folder, part)}`, `of=${target}`, "bs=1M", `seek=${start}`, "conv=sparse,notrunc", "status=none"]);
  }
}
