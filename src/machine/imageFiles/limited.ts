import { mkdtemp, rm, statfs } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { execa } from "execa";
import { type Program, processStartTime, type Toolchain } from "../../backends/index.ts";
import { type ProcessIdentity, vivError } from "../../model/index.ts";
import { convertPercent, type ImageCommand } from "../../qemu/index.ts";

/** What a qemu-img that reads somebody else's image may use, so that a hostile one harms nothing but itself. */
export interface Limits {
  /** Of the largest file it writes. */
  readonly fileBytes: number;
  readonly cpuSeconds: number;
}

export interface LimitedRun {
  readonly signal: AbortSignal;
  /** The file it writes. On a full disk vmdk says “Invalid argument”, so the file system is asked, too. */
  readonly target?: string;
  onPercent?(percent: number): void;
  /** Told once it runs, for whoever must end it after a crash of ours. */
  onStart?(process: ProcessIdentity): Promise<void>;
}

/** Address space: libraries, the stacks of its threads, and buffers are well below it. */
const memoryBytes = 2 * 1024 ** 3;
const openFiles = 64;
/** Without any progress for this long it hangs (a network share that went away). */
const stallMs = 10 * 60_000;

/** CPU time for a disk of this size: even a slow host converts 10 MB of compressed data a second. */
export function limitsFor(virtualBytes: number): Limits {
  return { fileBytes: Math.ceil(virtualBytes * 1.05) + 64 * 1024 ** 2, cpuSeconds: 60 + Math.ceil(virtualBytes / 10e6) };
}

/**
 * Runs qemu-img within limits (POSIX hosts; Windows has only the watch for stalls), in an empty working folder. An
 * aborted signal kills it.
 * @throws VivError `cancelled`, `timeout`, `untrusted-input` for one that ran into a limit, and what the command's `parse` throws.
 */
export async function runLimited<T>(toolchain: Toolchain, command: ImageCommand<T>, limits: Limits, run: LimitedRun): Promise<T> {
  run.signal.throwIfAborted();
  const watch = new AbortController();
  const signal = AbortSignal.any([run.signal, watch.signal]);
  const program = limited(toolchain.program(command.program), limits);
  const cwd = await mkdtemp(join(tmpdir(), "vivarium-"));
  const running = execa(program.file, [...program.argsPrefix, ...command.arguments], {
    cwd,
    env: { ...program.env },
    reject: false,
    stdin: "ignore",
    windowsHide: true,
    cancelSignal: signal,
    killSignal: "SIGKILL",
    maxBuffer: 16 * 1024 ** 2,
  });
  let stall = setTimeout(() => watch.abort(), stallMs);
  running.stdout.on("data", (chunk: Buffer) => {
    clearTimeout(stall);
    stall = setTimeout(() => watch.abort(), stallMs);
    const percent = convertPercent(chunk.toString("utf8"));
    if (percent !== undefined) run.onPercent?.(Math.min(100, Math.floor(percent)));
  });
  try {
    if (run.onStart && running.pid !== undefined) {
      const startTime = await processStartTime(running.pid);
      if (startTime !== undefined) await run.onStart({ pid: running.pid, startTime });
    }
    const { exitCode, stdout, stderr, signal: killedBy } = await running;
    if (run.signal.aborted) throw vivError("cancelled", `qemu-img ${command.arguments[0] ?? ""} was cancelled.`);
    if (watch.signal.aborted) throw vivError("timeout", "qemu-img made no progress for ten minutes.", "Check the disks the files are on.");
    if (killedBy === "SIGXCPU" || killedBy === "SIGXFSZ" || /Cannot allocate memory|File too large/.test(stderr))
      throw vivError(
        "untrusted-input",
        "The image needs more time, memory or space to be read than its size allows.",
        "It is damaged, or made to do harm.",
      );
    if (exitCode !== 0 && run.target !== undefined && (await isFull(run.target)))
      throw vivError("disk-full", `The disk of ${run.target} is full: ${stderr.trim()}`, "Free some space and try again.");
    return command.parse({ exitCode: exitCode ?? null, stdout, stderr });
  } finally {
    clearTimeout(stall);
    // One whose start could not be noted (a full disk) would go on writing what its caller removes.
    running.kill("SIGKILL");
    await running;
    await rm(cwd, { recursive: true, force: true });
  }
}

const fullBelowBytes = 1024 ** 2;

async function isFull(file: string): Promise<boolean> {
  const { bavail, bsize } = await statfs(dirname(file));
  return bavail * bsize < fullBelowBytes;
}

/** The shell sets the limits and becomes the program: same pid, and no further program needed. */
function limited(program: Program, limits: Limits): Program {
  if (process.platform === "win32") return program;
  const units = [
    ["-c", 0],
    ["-n", openFiles],
    ["-t", limits.cpuSeconds],
    ["-f", Math.ceil(limits.fileBytes / 512)],
    ["-v", memoryBytes / 1024],
  ] as const;
  // macOS knows no limit of the address space; each limit stands for itself.
  // Soft limits: at a hard one of CPU time the kernel kills without saying why.
  const script = `${units.map(([flag, value]) => `ulimit -S ${flag} ${value} 2>/dev/null`).join("; ")}; exec "$@"`;
  return { ...program, file: "/bin/sh", argsPrefix: ["-c", script, "sh", program.file, ...program.argsPrefix] };
}
