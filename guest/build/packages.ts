import { readFile, writeFile } from "node:fs/promises";
import type { AptRoot, DebianArchitecture } from "../../scripts/apt/index.ts";

export type Architecture = "x86_64" | "aarch64";

export const DEBIAN_NAME: Readonly<Record<Architecture, DebianArchitecture>> = { x86_64: "amd64", aarch64: "arm64" };

/** Release the guest is made of. */
export const SUITE = "trixie";

/** Packages taken apart for the guest; the kernel's is found through the name that always points to the newest. */
export const PACKAGES = [
  "busybox-static",
  "dropbear-bin",
  "e2fsprogs",
  "libatomic1",
  "libblkid1",
  "libcap2",
  "libc6",
  "libcom-err2",
  "libcrypt1",
  "libext2fs2t64",
  "libgmp10",
  "libglib2.0-0t64",
  "libnuma1",
  "libpcre2-8-0",
  "libtomcrypt1",
  "libtommath1",
  "libudev1",
  "liburing2",
  "libuuid1",
  "qemu-guest-agent",
  "zlib1g",
  // not in the guest: what viv-agent is compiled with
  "musl-dev",
] as const;

export interface LockedPackage {
  readonly name: string;
  readonly version: string;
  readonly sha256: string;
}

/** `packages.lock.json`: which version of each package the guest was built from. */
export interface Lock {
  readonly suite: string;
  readonly packages: Readonly<Partial<Record<Architecture, readonly LockedPackage[]>>>;
}

export function parseLock(text: string): Lock {
  const value: unknown = JSON.parse(text);
  if (!isRecord(value) || typeof value["suite"] !== "string" || !isRecord(value["packages"])) {
    throw new Error("packages.lock.json: expected {suite, packages}");
  }
  const packages: Partial<Record<Architecture, readonly LockedPackage[]>> = {};
  for (const architecture of ["x86_64", "aarch64"] as const) {
    const list = value["packages"][architecture];
    if (list === undefined) continue;
    if (!Array.isArray(list)) throw new Error(`packages.lock.json: ${architecture} is not a list`);
    packages[architecture] = list.map((entry: unknown) => lockedPackage(entry, architecture));
  }
  return { suite: value["suite"], packages };
}

function lockedPackage(entry: unknown, architecture: string): LockedPackage {
  if (isRecord(entry)) {
    const { name, version, sha256 } = entry;
    if (typeof name === "string" && typeof version === "string" && typeof sha256 === "string" && /^[0-9a-f]{64}$/.test(sha256)) {
      return { name, version, sha256 };
    }
  }
  throw new Error(`packages.lock.json: a package of ${architecture} lacks name, version or a SHA-256: ${JSON.stringify(entry)}`);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export interface ResolveOptions {
  readonly apt: AptRoot;
  readonly architecture: Architecture;
  readonly lockFile: string;
  /** Take the mirror's current versions and rewrite the lock. */
  readonly refresh: boolean;
  readonly log: (line: string) => void;
}

export interface ResolvedPackage extends LockedPackage {
  readonly deb: string;
  readonly kernel: boolean;
}

/**
 * The packages as the lock pins them: from the cache, else from the mirror. A pinned version the mirror no longer
 * carries is said, replaced by the current one, and the lock is rewritten.
 */
export async function resolvePackages(options: ResolveOptions): Promise<ResolvedPackage[]> {
  const { apt, architecture, lockFile, log } = options;
  const lock = await readLock(lockFile);
  const pinned = options.refresh || lock.suite !== SUITE ? [] : (lock.packages[architecture] ?? []);
  const debian = DEBIAN_NAME[architecture];

  const fetchPinned = async (entry: LockedPackage): Promise<string | undefined> => {
    const cached = await apt.cached(entry.name, entry.sha256);
    if (cached) return cached;
    await apt.update();
    const found = await apt.find(entry.name, debian, entry.version);
    if (found?.sha256 === entry.sha256) return await apt.download(found);
    log(`${entry.name} ${entry.version} (${architecture}) is not on the mirror any more; taking its current version`);
    return undefined;
  };
  const fetchCurrent = async (name: string): Promise<LockedPackage & { deb: string }> => {
    await apt.update();
    const found = await apt.find(name, debian);
    if (!found) throw new Error(`the mirror has no package ${name} for ${debian} in ${SUITE}`);
    const deb = (await apt.cached(name, found.sha256)) ?? (await apt.download(found));
    return { name, version: found.version, sha256: found.sha256, deb };
  };
  const take = async (entry: LockedPackage | undefined, current: () => Promise<string>, kernel: boolean): Promise<ResolvedPackage> => {
    const deb = entry && (await fetchPinned(entry));
    if (entry && deb) return { ...entry, deb, kernel };
    return { ...(await fetchCurrent(await current())), kernel };
  };

  const resolved: ResolvedPackage[] = [];
  for (const name of PACKAGES) {
    resolved.push(
      await take(
        pinned.find((entry) => entry.name === name),
        () => Promise.resolve(name),
        false,
      ),
    );
  }
  const kernel = pinned.find((entry) => entry.name.startsWith("linux-image-"));
  resolved.push(await take(kernel, () => currentKernel(apt, debian), true));

  const packages = resolved.map(({ name, version, sha256 }) => ({ name, version, sha256 }));
  if (JSON.stringify(packages) !== JSON.stringify(lock.packages[architecture])) {
    const next: Lock = { suite: SUITE, packages: { ...lock.packages, [architecture]: packages } };
    await writeFile(lockFile, `${JSON.stringify(next, null, "\t")}\n`);
  }
  return resolved;
}

async function readLock(path: string): Promise<Lock> {
  const text = await readFile(path, "utf8").catch(() => undefined);
  return text === undefined ? { suite: SUITE, packages: {} } : parseLock(text);
}

async function currentKernel(apt: AptRoot, debian: DebianArchitecture): Promise<string> {
  await apt.update();
  const meta = await apt.find(`linux-image-${debian}`, debian);
  const name = /linux-image-[0-9][^\s,(|]*/.exec(meta?.fields.get("depends") ?? "")?.[0];
  if (!name) throw new Error(`the mirror has no generic kernel for ${debian} in ${SUITE}`);
  return name;
}
