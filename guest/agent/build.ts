import { createHash } from "node:crypto";
import { access, mkdir, mkdtemp, readdir, readFile, rename, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { run } from "../build/tools.ts";

/**
 * Compiles viv-agent: static, position-independent, with musl and nothing else, by the GNU cross compiler of the
 * guest's architecture. The result is kept by the hash of all that goes in.
 */
export interface AgentBuild {
  readonly architecture: "x86_64" | "aarch64";
  /** Where Debian's musl-dev of that architecture was unpacked. */
  readonly musl: string;
  readonly cache: string;
}

const LIMIT_BYTES = 200_000;

const FLAGS = [
  "-std=gnu11",
  "-Os",
  "-Wall",
  "-Wextra",
  "-Werror",
  "-fPIE",
  "-fstack-protector-strong",
  "-fstack-clash-protection",
  "-ffunction-sections",
  "-fdata-sections",
  "-fno-asynchronous-unwind-tables",
  "-D_GNU_SOURCE",
];
const LINK_FLAGS = [
  "-static-pie",
  "-nostdlib",
  "-s",
  "-Wl,--gc-sections",
  "-Wl,--build-id=none",
  "-Wl,-z,relro",
  "-Wl,-z,now",
  "-Wl,-z,noexecstack",
];

/** Debian's package of the compiler, which has another name where it is the host's own. */
export function compilerPackage(architecture: AgentBuild["architecture"], host: string = process.arch): string {
  if (architecture === "x86_64") return host === "x64" ? "gcc" : "gcc-x86-64-linux-gnu";
  return host === "arm64" ? "gcc" : "gcc-aarch64-linux-gnu";
}

/** @returns the path of the program. */
export async function buildAgent({ architecture, musl, cache }: AgentBuild): Promise<string> {
  const folder = import.meta.dirname;
  const names = (await readdir(folder)).filter((name) => /\.[ch]$/.test(name)).sort();
  const compiler = `${architecture}-linux-gnu-gcc`;
  const version = await run(compiler, ["--version"]).catch(() => {
    throw new Error(`${compiler} is missing; install with: sudo apt-get install -y ${compilerPackage(architecture)}`);
  });
  const library = join(musl, "usr", "lib", `${architecture}-linux-musl`);
  const hash = createHash("sha256").update(JSON.stringify([FLAGS, LINK_FLAGS, architecture, version.toString(), musl.split("-").at(-1)]));
  for (const name of names) hash.update(name).update(await readFile(join(folder, name)));
  const build = hash.digest("hex").slice(0, 12);
  const place = join(cache, "agent", `viv-agent-${architecture}-${build}`);
  if (await exists(place)) return place;

  const staging = await mkdtemp(join(tmpdir(), "viv-agent-"));
  try {
    const sources = names.filter((name) => name.endsWith(".c"));
    const objects = sources.map((name) => join(staging, name.replace(/c$/, "o")));
    // The compiler's own headers come last: intrinsics, and nothing that musl has.
    const own = (await run(compiler, ["-print-file-name=include"])).toString().trim();
    const headers = ["-nostdinc", "-isystem", join(musl, "usr", "include", `${architecture}-linux-musl`), "-isystem", own, "-I", folder];
    const branchProtection = architecture === "x86_64" ? ["-fcf-protection=full"] : ["-mbranch-protection=standard"];
    for (const [index, name] of sources.entries())
      await run(compiler, [
        ...FLAGS,
        ...branchProtection,
        ...headers,
        `-DBUILD="${build}"`,
        `-ffile-prefix-map=${folder}=.`,
        "-c",
        join(folder, name),
        "-o",
        objects[index] ?? "",
      ]);
    const program = join(staging, "viv-agent");
    const start = ["rcrt1.o", "crti.o"].map((name) => join(library, name));
    await run(compiler, [
      ...LINK_FLAGS,
      ...start,
      ...objects,
      join(library, "libc.a"),
      "-lgcc",
      join(library, "libc.a"),
      join(library, "crtn.o"),
      "-o",
      program,
    ]);
    const { length } = await readFile(program);
    if (length > LIMIT_BYTES) throw new Error(`viv-agent for ${architecture} has ${length} bytes, over the limit of ${LIMIT_BYTES}`);
    await mkdir(join(cache, "agent"), { recursive: true });
    const partial = `${place}.${process.pid}`;
    await run("cp", [program, partial]);
    await rename(partial, place);
    return place;
  } finally {
    await rm(staging, { recursive: true, force: true });
  }
}

function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
