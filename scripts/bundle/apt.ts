import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { userInfo } from "node:os";
import { join } from "node:path";
import which from "which";
import { hostArchives, writeSourcesList } from "../apt/index.ts";
import { sizeOf } from "./cache.ts";
import { BundleError } from "./errors.ts";
import { sha256OfFile } from "./hash.ts";
import { type PackageRecord, parseRecords } from "./packages.ts";
import { type Command, ignoreOutput, run } from "./run.ts";

/** Debian's release the bundle is made from. */
export const suite = "trixie";

/** Package lists younger than this are not fetched again. */
const listsMaxAgeMs = 12 * 3600_000;

/** A private apt: its own sources, lists and cache; of the system only the mirror, keys and proxy settings are read. */
export type AptRoot = {
  /** Records of those names which the archive knows. */
  show: (names: string[]) => Promise<PackageRecord[]>;
  /** Fetches what is missing; returns the path of each record's .deb, in order. */
  download: (records: PackageRecord[]) => Promise<string[]>;
};

/** @param architecture Debian's word: `amd64` or `arm64` */
export async function openAptRoot(cache: string, architecture: string, refresh: boolean): Promise<AptRoot> {
  await requireApt();
  const root = join(cache, "apt", `${suite}-${architecture}`);
  for (const folder of ["etc/preferences.d", "state/lists/partial", "cache/archives/partial"]) {
    await mkdir(join(root, folder), { recursive: true });
  }
  const changed = await configure(root, architecture);
  if (changed || refresh || (await listsAreOld(root))) await run(aptUpdate(root));
  return {
    show: (names) => run(aptShow(root, names)),
    download: (records) => download(root, join(cache, "debs"), records),
  };
}

/** `apt-get update` in the private root; fails when a signature does not hold. */
export function aptUpdate(root: string): Command {
  // Without the second option a repository which cannot be fetched or verified is only warned about.
  return { ...apt(root, "apt-get", ["-q", "-o", "APT::Update::Error-Mode=any", "update"]), parse: ignoreOutput };
}

/** `apt-cache show`: records of the candidate versions. */
export function aptShow(root: string, names: string[]): Command<PackageRecord[]> {
  return { ...apt(root, "apt-cache", ["--no-all-versions", "show", ...names]), parse: parseRecords };
}

/** `apt-get download` of exact versions into the current folder. */
export function aptDownload(root: string, records: PackageRecord[], cwd: string): Command {
  const exact = records.map((record) => `${record.name}=${record.version}`);
  return { ...apt(root, "apt-get", ["-q", "download", ...exact]), cwd, parse: ignoreOutput };
}

function apt(root: string, command: string, args: string[]): { command: string; args: string[] } {
  return { command, args: ["-c", join(root, "apt.conf"), ...args] };
}

/**
 * The private root's apt.conf. It is read after the system's own files, whose proxies and
 * credentials hold; hooks of the system are cleared, since they would touch the system's caches.
 */
export function aptConf(root: string, architecture: string, user: string): string {
  return `
#clear APT::Architectures;
#clear APT::Update::Pre-Invoke;
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
#clear DPkg::Post-Invoke;
#clear Acquire::Languages;
APT::Architecture "${architecture}";
APT::Architectures { "${architecture}"; };
APT::Sandbox::User "${user}";
APT::Get::AllowUnauthenticated "false";
Acquire::AllowInsecureRepositories "false";
Acquire::Languages { "none"; };
Acquire::Retries "3";
Dir::State "${root}/state";
Dir::State::lists "${root}/state/lists";
Dir::State::status "${root}/state/status";
Dir::State::extended_states "${root}/state/extended_states";
Dir::Cache "${root}/cache";
Dir::Cache::archives "${root}/cache/archives";
Dir::Cache::pkgcache "${root}/cache/pkgcache.bin";
Dir::Cache::srcpkgcache "${root}/cache/srcpkgcache.bin";
Dir::Etc::sourcelist "${root}/etc/sources.list";
Dir::Etc::sourceparts "-";
Dir::Etc::preferences "${root}/etc/preferences";
Dir::Etc::preferencesparts "${root}/etc/preferences.d";
`.trimStart();
}

async function requireApt(): Promise<void> {
  for (const tool of ["apt-get", "apt-cache", "dpkg-deb"]) {
    if ((await which(tool, { nothrow: true })) !== null) continue;
    throw new BundleError(
      "no-apt",
      `${tool} was not found: a Linux bundle is made from Debian packages by apt`,
      'Run this on Debian or Ubuntu, or in a container: docker run -v "$PWD:/src" -w /src debian:13 …',
    );
  }
}

/** Writes the root's files. @returns whether something differs from the last run, so that lists must be fetched. */
async function configure(root: string, architecture: string): Promise<boolean> {
  const listFile = join(root, "etc", "sources.list");
  const before = await readFile(listFile, "utf8").catch(() => "");
  await writeFile(join(root, "state", "status"), "");
  await writeFile(join(root, "apt.conf"), aptConf(root, architecture, userInfo().username));
  return before !== (await writeSourcesList(join(root, "etc"), await hostArchives(), [suite, `${suite}-security`]));
}

async function listsAreOld(root: string): Promise<boolean> {
  const lists = join(root, "state", "lists");
  const names = (await readdir(lists)).filter((name) => name.endsWith("InRelease"));
  if (names.length < 2) return true;
  // apt gives files the server's time; the folder's own time is that of the last update.
  return Date.now() - (await stat(lists)).mtimeMs > listsMaxAgeMs;
}

async function download(root: string, folder: string, records: PackageRecord[]): Promise<string[]> {
  await mkdir(folder, { recursive: true });
  const pathOf = (record: PackageRecord): string => join(folder, `${record.sha256}.deb`);
  const missing: PackageRecord[] = [];
  for (const record of records) {
    if ((await sizeOf(pathOf(record))) !== record.bytes) missing.push(record);
  }
  if (missing.length > 0) await fetchMissing(root, folder, missing, pathOf);
  return records.map(pathOf);
}

async function fetchMissing(
  root: string,
  folder: string,
  missing: PackageRecord[],
  pathOf: (record: PackageRecord) => string,
): Promise<void> {
  const temporary = join(folder, `${process.pid}.tmp`);
  await mkdir(temporary, { recursive: true });
  try {
    await run(aptDownload(root, missing, temporary));
    const bySha256 = new Map<string, string>();
    for (const name of await readdir(temporary)) {
      bySha256.set(await sha256OfFile(join(temporary, name)), join(temporary, name));
    }
    for (const record of missing) {
      const path = bySha256.get(record.sha256);
      if (path === undefined) {
        throw new BundleError(
          "package-changed",
          `${record.name} ${record.version} is not the file the archive's index names`,
          "Run again with --refresh to fetch the index anew.",
        );
      }
      await rename(path, pathOf(record));
    }
  } finally {
    await rm(temporary, { recursive: true, force: true });
  }
}
