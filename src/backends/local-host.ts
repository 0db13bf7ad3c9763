import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { access, constants, readFile, stat } from "node:fs/promises";
import os from "node:os";
import { pipeline } from "node:stream/promises";
import { execa } from "execa";
import which from "which";
import { vivError } from "../model/index.ts";
import type { Host, RunOptions, RunResult } from "./host.ts";
import type { Platform } from "./types.ts";

/** The host this process runs on. */
export function localHost(): Host {
  const platform = supportedPlatform();
  return {
    platform,
    processArchitecture: process.arch,
    env: process.env,
    release: os.release(),
    cores: os.availableParallelism(),
    memoryBytes: os.totalmem(),
    userName: userName(),
    access: readAndWrite,
    stat: async (path) => {
      const found = await stat(path).catch(() => undefined);
      return found && { sizeBytes: found.size, folder: found.isDirectory() };
    },
    read: (path) => readFile(path, "utf8").catch(() => undefined),
    hash: hashFile,
    which: async (name) => (await which(name, { nothrow: true })) ?? undefined,
    run,
    bootId: () => bootId(platform),
  };
}

/** SHA-256 of a file's content, hex. */
export async function hashFile(path: string): Promise<string> {
  const hash = createHash("sha256");
  await pipeline(createReadStream(path, { highWaterMark: 1 << 20 }), hash);
  return hash.digest("hex");
}

function supportedPlatform(): Platform {
  const { platform } = process;
  if (platform === "linux" || platform === "darwin" || platform === "win32") return platform;
  throw vivError("host-cannot", `Vivarium does not run on ${platform}.`, "Use Linux, macOS or Windows.");
}

function userName(): string {
  try {
    return os.userInfo().username;
  } catch {
    return process.env.USER ?? ""; // a uid without an entry in /etc/passwd (containers)
  }
}

async function readAndWrite(path: string): Promise<"ok" | "missing" | "denied"> {
  try {
    await access(path, constants.R_OK | constants.W_OK);
    return "ok";
  } catch (thrown) {
    const code = (thrown as NodeJS.ErrnoException).code;
    return code === "ENOENT" || code === "ENOTDIR" ? "missing" : "denied";
  }
}

async function run(file: string, args: readonly string[], options: RunOptions): Promise<RunResult> {
  const startedAt = performance.now();
  const child = execa(file, args, {
    reject: false,
    stdin: "ignore",
    detached: ownGroup,
    windowsHide: true,
    stripFinalNewline: false,
    ...(options.env ? { env: options.env } : {}),
  });
  let ended: "timeout" | "stopped" | undefined;
  const end = (why: "timeout" | "stopped") => {
    ended ??= why;
    endTree(child);
  };
  const stop = () => end("stopped");
  const timer = setTimeout(() => end("timeout"), options.timeoutMs);
  options.signal?.addEventListener("abort", stop, { once: true });
  if (options.signal?.aborted) stop();
  process.once("exit", stop);
  const { watch } = options;
  if (watch) {
    for (const stream of ["stdout", "stderr"] as const) {
      child[stream].on("data", (chunk: Buffer) => {
        if (watch(stream, chunk.toString("latin1"), performance.now() - startedAt)) stop();
      });
    }
  }
  const result = await child;
  clearTimeout(timer);
  options.signal?.removeEventListener("abort", stop);
  process.off("exit", stop);
  const detail = result.signal ?? result.code;
  return {
    exitCode: result.exitCode ?? null,
    stdout: result.stdout,
    stderr: result.stderr,
    elapsedMs: performance.now() - startedAt,
    ended: ended ?? ending(result),
    ...(detail === undefined ? {} : { detail }),
  };
}

/** A program may be a wrapper that starts the real one: they end together, by their process group or (Windows) tree. */
const ownGroup = process.platform !== "win32";

function endTree(child: { pid?: number; kill(signal: "SIGKILL"): boolean }): void {
  if (child.pid === undefined) return;
  if (!ownGroup) {
    spawn("taskkill", ["/PID", String(child.pid), "/T", "/F"], { stdio: "ignore", windowsHide: true }).on("error", () =>
      child.kill("SIGKILL"),
    );
    return;
  }
  try {
    process.kill(-child.pid, "SIGKILL");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

function ending(result: { exitCode?: number; signal?: string }): RunResult["ended"] {
  if (result.exitCode !== undefined) return "exited";
  return result.signal === undefined ? "not-started" : "signal";
}

async function bootId(platform: Platform): Promise<string> {
  if (platform === "linux") return (await readFile("/proc/sys/kernel/random/boot_id", "utf8")).trim();
  const [file, ...args] =
    platform === "darwin" ? ["sysctl", "-n", "kern.bootsessionuuid"] : ["reg", "query", bootCounterKey, "/v", "BootId"];
  const answer = await run(file ?? "", args, { timeoutMs: 5_000 });
  const found = platform === "darwin" ? answer.stdout.trim() : /BootId\s+REG_DWORD\s+(\S+)/.exec(answer.stdout)?.[1];
  return found || `up since ${Math.round((Date.now() / 1000 - os.uptime()) / 60)}`;
}

/** Windows counts its boots here. */
const bootCounterKey = "HKLM\\SYSTEM\\CurrentControlSet\\Control\\Session Manager\\Memory Management\\PrefetchParameters";
