import { execFile, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { chown, mkdir, mkdtemp, readdir, readFile, rename, rm } from "node:fs/promises";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { checkout } from "../home.ts";

const sources = join(checkout, "guest", "agent");
const flags = [
  "-std=gnu11",
  "-g",
  "-O1",
  "-D_GNU_SOURCE",
  "-fno-omit-frame-pointer",
  "-fsanitize=address,undefined",
  "-fno-sanitize-recover=all",
];

/** viv-agent for this host with the compiler's sanitizers, kept by what goes in. */
async function buildSanitizedAgent(): Promise<string> {
  const names = (await readdir(sources)).filter((name) => /\.[ch]$/.test(name)).sort();
  const hash = createHash("sha256").update(JSON.stringify(flags));
  for (const name of names) hash.update(name).update(await readFile(join(sources, name)));
  const folder = join(process.env["VIVARIUM_CACHE"] ?? join(homedir(), ".cache", "vivarium"), "agent");
  const place = join(folder, `viv-agent-sanitized-${hash.digest("hex").slice(0, 12)}`);
  if (existsSync(place)) return place;
  await mkdir(folder, { recursive: true });
  const architecture = process.arch === "arm64" ? "aarch64" : "x86_64";
  const files = names.filter((name) => name.endsWith(".c")).map((name) => join(sources, name));
  const made = `${place}.${process.pid}`;
  await promisify(execFile)(`${architecture}-linux-gnu-gcc`, [...flags, "-I", sources, ...files, "-o", made]);
  await rename(made, place);
  return place;
}

/** What the fuzzers run: nobody's, in a folder of its own. */
export interface SanitizedAgent {
  readonly program: string;
  /** Theirs to write to. */
  readonly folder: string;
  readonly options: { readonly cwd: string; readonly env: NodeJS.ProcessEnv; readonly uid?: number; readonly gid?: number };
  /** What the sanitizers found, whole. */
  reports(): Promise<string[]>;
  dispose(): Promise<void>;
}

const nobody = 65534;
/** Exit status of a program that a sanitizer ended. */
export const foundStatus = 99;

export async function sanitizedAgent(): Promise<SanitizedAgent> {
  const built = await buildSanitizedAgent();
  const folder = await mkdtemp(join(tmpdir(), "viv-fuzz-"));
  const asNobody = process.getuid?.() === 0 ? { uid: nobody, gid: nobody } : {};
  if (asNobody.uid !== undefined) await chown(folder, nobody, nobody);
  // The cache may lie where nobody may go.
  const program = join(folder, "viv-agent");
  await promisify(execFile)("install", ["-m", "755", built, program]);
  const log = join(folder, "found");
  const common = `log_path=${log}:exitcode=${foundStatus}`;
  const env = {
    PATH: process.env["PATH"],
    ASAN_OPTIONS: `${common}:quarantine_size_mb=8:detect_leaks=0:allocator_may_return_null=1`,
    UBSAN_OPTIONS: `${common}:print_stacktrace=1`,
  };
  return {
    program,
    folder,
    options: { cwd: folder, env, ...asNobody },
    async reports() {
      const names = (await readdir(folder)).filter((name) => name.startsWith("found."));
      return Promise.all(names.map((name) => readFile(join(folder, name), "utf8")));
    },
    dispose: () => rm(folder, { recursive: true, force: true }),
  };
}

export interface AppletOutcome {
  readonly status: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly said: string;
}

/** One of the agent's own commands with `input`, to its end; killed after `timeoutMs`. */
export function runApplet(agent: SanitizedAgent, words: readonly string[], input: Uint8Array, timeoutMs = 20_000): Promise<AppletOutcome> {
  return new Promise((resolve, reject) => {
    const child = spawn(agent.program, ["--applet", ...words], { ...agent.options, stdio: ["pipe", "ignore", "pipe"], timeout: timeoutMs });
    let said = "";
    child.stderr.on("data", (chunk: Buffer) => {
      if (said.length < 10_000) said += chunk.toString("latin1");
    });
    // It may end before it has read everything.
    child.stdin.on("error", () => undefined);
    child.once("error", reject);
    child.once("close", (status, signal) => resolve({ status, signal, said }));
    child.stdin.end(input);
  });
}
