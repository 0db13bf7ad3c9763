import { mkdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Work } from "../../machine/index.ts";
import { type Architecture, asVivError, type Firmware, vivError } from "../../model/index.ts";
import { type DownloadOptions, download, requireWebAddress } from "../download/index.ts";
import { readBootFile } from "./bootFile.ts";
import { firmwareForBootFile } from "./firmware.ts";
import { bootNames, installTrees, type KernelAndInitrd, treeInfo } from "./names.ts";
import { bootScript, chainScript } from "./scripts.ts";

/** A folder of this host that is served as it is, or an address whose files are fetched once. */
export type NetbootSource = { directory: string; file?: string | undefined } | { url: string; sha256?: string | undefined };

/** What the definition gets: vm.json's `netboot`, and the firmware that loads the file. */
export interface Netboot {
  readonly directory: string;
  readonly file: string;
  readonly firmware: "bios" | "uefi" | "uefi-secure";
}

export interface NetbootMachine {
  readonly architecture: Architecture;
  /** What the user asked for, if anything. */
  readonly firmware: Firmware["type"] | undefined;
  /** Without a screen an installer is told to speak on the serial port. */
  readonly hasScreen: boolean;
}

/** Everything fetched for one machine, together. */
const maximumBytes = 1024 ** 3;
/** Below the machine's folder. */
const folderName = "netboot";

/** The boot file in a folder of this host: the one that was named, else the first of the well-known names. */
export async function netbootFromFolder(directory: string, file: string | undefined, machine: NetbootMachine): Promise<Netboot> {
  const name = file ?? (await firstPresent(directory, bootNames(machine)));
  if (name === undefined) {
    throw vivError(
      "not-found",
      `${directory} has no boot file of a well-known name.`,
      `Name it: --netboot-file. Looked for: ${bootNames(machine).join(", ")}.`,
    );
  }
  const found = await readBootFile(join(directory, name));
  return { directory, file: name, firmware: firmwareForBootFile(name, found, machine.architecture, machine.firmware) };
}

async function firstPresent(directory: string, names: readonly string[]): Promise<string | undefined> {
  for (const name of names)
    if (
      await stat(join(directory, name)).then(
        (found) => found.isFile(),
        () => false,
      )
    )
      return name;
  return undefined;
}

/**
 * Fetches what a machine boots from into `netboot/` of its folder, once: it boots the same thing tomorrow, and without the
 * server. An address that ends in `/` is a folder, searched for well-known names: an iPXE script or program, or a system's
 * installer (kernel and initrd). Only an iPXE script of an http address is left there, for iPXE to load at each start, as
 * what it names stands beside it.
 *
 * @param machineFolder where the machine is put together.
 * @throws VivError as `download` and `firmwareForBootFile` say.
 */
export async function netbootFromWeb(
  source: { url: string; sha256?: string | undefined },
  machineFolder: string,
  machine: NetbootMachine,
  work: Work,
): Promise<Netboot> {
  const address = requireWebAddress(source.url);
  const folder = join(machineFolder, folderName);
  await mkdir(folder, { mode: 0o700 });
  const fetcher = new Fetcher(folder, work);
  if (!address.pathname.endsWith("/")) return fromFile(address, source.sha256, fetcher, machine);
  if (source.sha256 !== undefined)
    throw vivError("usage", "A folder has no SHA-256.", "Give the address of a file, or leave out --netboot-sha256.");
  return fromTree(address, fetcher, machine);
}

async function fromFile(address: URL, sha256: string | undefined, fetcher: Fetcher, machine: NetbootMachine): Promise<Netboot> {
  const name = fileName(address);
  const url = await fetcher.fetch(address, name, { sha256 });
  return finish(url, name, sha256 !== undefined, fetcher, machine);
}

/** What was fetched is looked at, and made into something to boot. */
async function finish(url: URL, name: string, pinned: boolean, fetcher: Fetcher, machine: NetbootMachine): Promise<Netboot> {
  const found = await readBootFile(fetcher.file(name));
  const firmware = firmwareForBootFile(url.href, found, machine.architecture, machine.firmware);
  // QEMU's iPXE has no TLS; and what has a known sum must not change.
  if (found.kind === "ipxe-script" && url.protocol === "http:" && !pinned)
    await writeFile(fetcher.file(name), chainScript(url), { mode: 0o600 });
  return { directory: folderName, file: name, firmware };
}

async function fromTree(address: URL, fetcher: Fetcher, machine: NetbootMachine): Promise<Netboot> {
  const single = bootNames(machine).filter((name) => !needsMore.test(name));
  for (const name of single) {
    const url = await fetcher.fetchIfPresent(new URL(name, address), fileName(new URL(name, address)));
    if (url) return finish(url, fileName(new URL(name, address)), false, fetcher, machine);
  }
  if (machine.architecture === "x86_64" && (machine.firmware ?? "bios") === "bios") {
    const installer = await fetchInstaller(address, fetcher, machine);
    if (installer) return installer;
  }
  throw vivError(
    "not-found",
    `${address.href} has nothing to boot: no file of a well-known name.`,
    machine.architecture === "x86_64"
      ? "Give the address of the boot file itself. An installer's kernel and initrd are booted by BIOS."
      : "Give the address of a UEFI program (.efi).",
  );
}

/** Boot loaders that read a configuration beside them, which cannot be found without a list of the folder. */
const needsMore = /pxelinux|grub|shim/;

async function fetchInstaller(address: URL, fetcher: Fetcher, machine: NetbootMachine): Promise<Netboot | undefined> {
  for (const tree of [...(await describedTree(address, fetcher)), ...installTrees]) {
    if (!(await fetcher.fetchIfPresent(new URL(tree.kernel, address), "linux"))) continue;
    for (const initrd of tree.initrds) {
      if (!(await fetcher.fetchIfPresent(new URL(initrd, address), "initrd"))) continue;
      const kernel = await readBootFile(fetcher.file("linux"));
      if (kernel.kind !== "linux" && !(kernel.kind === "efi" && kernel.linux)) break;
      const words = [...tree.append(address), ...(machine.hasScreen ? [] : ["console=ttyS0"])];
      await writeFile(fetcher.file("boot.ipxe"), bootScript(address, words), { mode: 0o600 });
      return { directory: folderName, file: "boot.ipxe", firmware: "bios" };
    }
    await fetcher.forget("linux");
  }
  return undefined;
}

/** Where a tree's own description says that kernel and initrd are (`.treeinfo`, as Anaconda and libosinfo read it). */
async function describedTree(address: URL, fetcher: Fetcher): Promise<KernelAndInitrd[]> {
  if (!(await fetcher.fetchIfPresent(new URL(".treeinfo", address), "treeinfo"))) return [];
  const described = treeInfo(await readFile(fetcher.file("treeinfo"), "utf8"), "x86_64");
  await fetcher.forget("treeinfo");
  return described ? [described] : [];
}

/** TFTP and vm.json take plain names. */
function fileName(address: URL): string {
  const last = address.pathname.split("/").at(-1) ?? "";
  const plain = last
    .replaceAll(/%[0-9a-f]{2}|[^\w.-]/gi, "-")
    .replace(/^[.-]+/, "")
    .slice(-100);
  return plain === "" ? "boot" : plain;
}

/** Fetches into one folder, within one limit. */
class Fetcher {
  readonly #folder: string;
  readonly #work: Work;
  #bytes = 0;

  constructor(folder: string, work: Work) {
    this.#folder = folder;
    this.#work = work;
  }

  file(name: string): string {
    return join(this.#folder, name);
  }

  async fetch(address: URL, name: string, options: Pick<DownloadOptions, "sha256" | "mayBeAbsent"> = {}): Promise<URL> {
    const say = (percent?: number) =>
      this.#work.progress({ kind: "create", step: `fetching ${address.href}`, ...(percent === undefined ? {} : { percent }) });
    say();
    const url = await download(address, this.file(name), {
      ...options,
      maximumBytes: maximumBytes - this.#bytes,
      signal: this.#work.signal,
      progress: (bytes, total) => say(total === undefined ? undefined : Math.floor((100 * bytes) / total)),
    });
    this.#bytes += (await stat(this.file(name))).size;
    return url;
  }

  /** Undefined when there is no such file. */
  async fetchIfPresent(address: URL, name: string): Promise<URL | undefined> {
    try {
      return await this.fetch(address, name, { mayBeAbsent: true });
    } catch (error) {
      await this.forget(name);
      if (asVivError(error).code === "not-found") return undefined;
      throw error;
    }
  }

  async forget(name: string): Promise<void> {
    await rm(this.file(name), { force: true });
  }
}
