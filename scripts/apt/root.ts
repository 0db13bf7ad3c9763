import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { access, mkdir, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { hostArchives, writeSourcesList } from "./sources.ts";

const run = promisify(execFile);

export type DebianArchitecture = "amd64" | "arm64";

export interface DebianPackage {
  readonly name: string;
  readonly version: string;
  readonly architecture: string;
  readonly sha256: string;
  /** Fields of the package's stanza in the index, by lower-case name. */
  readonly fields: ReadonlyMap<string, string>;
}

/**
 * An apt of our own: its own sources, lists and downloads below one folder of the cache, so that any user can fetch
 * signed packages of any release and architecture and the host's apt is left as it is.
 */
export interface AptRoot {
  /** Fetches the indexes; the first call of a process does it, later ones are free. */
  update(): Promise<void>;
  /** The package as the mirror has it now; `version` asks for exactly that one. Undefined when it has none. */
  find(name: string, architecture: DebianArchitecture, version?: string): Promise<DebianPackage | undefined>;
  /** A .deb with this hash from the cache, else undefined. */
  cached(name: string, sha256: string): Promise<string | undefined>;
  /** Downloads (apt checks the signature chain), checks SHA-256 again, returns the .deb's path. */
  download(found: DebianPackage): Promise<string>;
}

export interface AptRootOptions {
  /** Folder of the cache, for example `~/.cache/vivarium/apt`. */
  readonly folder: string;
  /** Release name, for example `trixie`. */
  readonly suite: string;
}

export async function openAptRoot(options: AptRootOptions): Promise<AptRoot> {
  const base = join(options.folder, options.suite);
  const debs = join(options.folder, "debs");
  const incoming = join(base, "incoming");
  await Promise.all(
    ["lists/partial", "cache/archives/partial", "incoming", "empty"].map((name) => mkdir(join(base, name), { recursive: true })),
  );
  await mkdir(debs, { recursive: true });
  const config = join(base, "apt.conf");
  const environment = { ...process.env, APT_CONFIG: config, LC_ALL: "C" };
  const apt = async (command: string, args: readonly string[], cwd = base): Promise<string> => {
    try {
      return (await run(command, [...args], { env: environment, cwd, maxBuffer: 64 << 20 })).stdout;
    } catch (cause) {
      const stderr = cause instanceof Error && "stderr" in cause ? String(cause.stderr).trim() : String(cause);
      throw new Error(`${command} ${args.join(" ")} failed: ${stderr}`, { cause });
    }
  };

  await writeFile(join(base, "status"), "", { flag: "a" });
  const { suite } = options;
  await writeSourcesList(base, await hostArchives(), [suite, `${suite}-updates`, `${suite}-security`]);
  await writeFile(config, await configuration(base));

  let updated: Promise<void> | undefined;
  const path = (name: string, sha256: string) => join(debs, `${name}-${sha256.slice(0, 16)}.deb`);

  return {
    update() {
      updated ??= apt("apt-get", ["update", "-qq", "-o", "APT::Update::Error-Mode=any"]).then(() => undefined);
      return updated;
    },
    async find(name, architecture, version) {
      const wanted = version ? `${name}:${architecture}=${version}` : `${name}:${architecture}`;
      const text = await apt("apt-cache", ["show", "--no-all-versions", wanted]).catch(() => "");
      return parseStanza(text.split(/\n\s*\n/)[0] ?? "");
    },
    async cached(name, sha256) {
      const file = path(name, sha256);
      const found = await access(file).then(
        () => true,
        () => false,
      );
      return found && (await sha256File(file)) === sha256 ? file : undefined;
    },
    async download(found) {
      const { name, version, architecture, sha256 } = found;
      await apt("apt-get", ["download", "-qq", `${name}:${architecture}=${version}`], incoming);
      const saved = join(incoming, `${name}_${version.replaceAll(":", "%3a")}_${architecture}.deb`);
      const actual = await sha256File(saved);
      if (actual !== sha256) throw new Error(`${name} ${version}: SHA-256 is ${actual}, the index says ${sha256}`);
      await rename(saved, path(name, sha256));
      return path(name, sha256);
    },
  };
}

/** Parses one stanza of apt's index; undefined when it is not a package. */
export function parseStanza(text: string): DebianPackage | undefined {
  const fields = new Map<string, string>();
  for (const match of text.matchAll(/^([A-Za-z0-9-]+): ?(.*)$/gm)) {
    fields.set((match[1] ?? "").toLowerCase(), match[2] ?? "");
  }
  const name = fields.get("package");
  const version = fields.get("version");
  const sha256 = fields.get("sha256");
  const architecture = fields.get("architecture");
  if (!name || !version || !sha256 || !architecture) return undefined;
  return { name, version, architecture, sha256, fields };
}

export async function sha256File(path: string): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of createReadStream(path)) hash.update(chunk);
  return hash.digest("hex");
}

/** Own folders, the host's `Acquire` settings (proxies and the like), and none of the host's hooks. */
async function configuration(base: string): Promise<string> {
  const { stdout } = await run("apt-config", ["dump"], { env: { ...process.env, LC_ALL: "C" } });
  const inherited = stdout.split("\n").filter((line) => /^Acquire::/.test(line) && !/IndexTargets|Languages/.test(line));
  const own: Record<string, string> = {
    "Dir::State": base,
    "Dir::State::lists": join(base, "lists"),
    "Dir::State::status": join(base, "status"),
    "Dir::Cache": join(base, "cache"),
    "Dir::Etc::sourcelist": join(base, "sources.list"),
    "Dir::Etc::sourceparts": join(base, "empty"),
    "Dir::Etc::parts": join(base, "empty"),
    "Dir::Etc::main": "/dev/null",
    "Dir::Etc::preferences": "/dev/null",
    "Dir::Etc::preferencesparts": join(base, "empty"),
    "Acquire::Languages": "none",
  };
  const lines = Object.entries(own).map(([name, value]) => `${name} "${value}";`);
  // Files of ours need no sandbox user; as root apt would otherwise switch to one that cannot write here.
  lines.push('APT::Sandbox::User "root";', 'APT::Architecture "amd64";', 'APT::Architectures { "amd64"; "arm64"; };');
  return [...inherited, ...lines, ""].join("\n");
}
