/** A host made of facts, for tests: a Mac or a PC where there is none. It runs nothing; it logs what it was asked to run. */
import type { Host, RunOptions, RunResult } from "../../../src/backends/host.ts";
import type { Platform } from "../../../src/backends/index.ts";

/** How a fake QEMU does with the probe's guest: what it writes and when (ms after the spawn), then how it ends. */
export interface ProbeScript {
  readonly writes?: readonly (readonly [text: string, atMs: number])[];
  readonly stderr?: string;
  /** `hang`: until the time allowed is over. */
  readonly exit: number | "hang";
}

export interface FakeQemu {
  /** Absolute paths of the programs, `qemu-system-x86_64` first among them where it exists. */
  readonly programs: Readonly<Record<string, string>>;
  /** What `--version` prints, or how it dies. */
  readonly version: string | { readonly exit: number; readonly stderr: string };
  /** What is compiled in, as `-accel help` lists it. */
  readonly accelerators: readonly string[];
  /** By the value of `-accel`. */
  readonly probes: Readonly<Record<string, ProbeScript>>;
}

export interface Facts {
  readonly platform: Platform;
  readonly processArchitecture: "x64" | "arm64";
  readonly release: string;
  readonly userName?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Files that exist: their text, or `denied` for one that this user may not open. */
  readonly files?: Readonly<Record<string, string | { readonly denied: true }>>;
  /** Commands other than QEMU: the whole line → what it prints. */
  readonly commands?: Readonly<Record<string, string>>;
  readonly qemu?: FakeQemu;
}

/** `log` receives one line a command that is run. */
export function fakeHost(facts: Facts, log: string[] = []): Host {
  const files = facts.files ?? {};
  const programs = facts.qemu?.programs ?? {};
  const isProgram = (path: string): boolean => Object.values(programs).includes(path);
  return {
    platform: facts.platform,
    processArchitecture: facts.processArchitecture,
    env: facts.env ?? {},
    release: facts.release,
    cores: 8,
    memoryBytes: 16 * 1024 ** 3,
    userName: facts.userName ?? "ada",
    access: async (path) => {
      const file = files[path];
      if (file === undefined) return isProgram(path) ? "ok" : "missing";
      return typeof file === "string" ? "ok" : "denied";
    },
    stat: async (path) => {
      if (isProgram(path) || files[path] !== undefined) return { sizeBytes: 1, folder: false };
      const inside = [...Object.values(programs), ...Object.keys(files)].some((file) => file.startsWith(`${path}/`));
      return inside ? { sizeBytes: 0, folder: true } : undefined;
    },
    read: async (path) => {
      const file = files[path];
      return typeof file === "string" ? file : undefined;
    },
    hash: async (path) => Buffer.from(path).toString("hex").padEnd(64, "0").slice(0, 64),
    which: async (name) => programs[name],
    run: async (file, args, options) => {
      const line = [file, ...args].join(" ");
      log.push(line.replaceAll(/\S*\/probe-(\S+)\.bin/g, "<guest for $1>"));
      if (isProgram(file) && facts.qemu) return runQemu(facts.qemu, args, options);
      const printed = facts.commands?.[line];
      return printed === undefined ? exited(1) : exited(0, printed);
    },
    bootId: async () => "boot-1",
  };
}

function runQemu(qemu: FakeQemu, args: readonly string[], options: RunOptions): RunResult {
  if (args.includes("--version")) {
    return typeof qemu.version === "string"
      ? exited(0, `QEMU emulator version ${qemu.version}\nCopyright (c) 2003-2025 Fabrice Bellard and the QEMU Project developers\n`)
      : exited(qemu.version.exit, "", qemu.version.stderr);
  }
  const accelerator = args[args.indexOf("-accel") + 1] ?? "";
  if (accelerator === "help") return exited(0, `Accelerators supported in QEMU binary:\n${qemu.accelerators.join("\n")}\n`);
  const script = qemu.probes[accelerator];
  if (script === undefined) throw new Error(`The case says nothing about -accel ${accelerator}.`);
  return play(script, options);
}

/** Plays a script at once, telling the watcher the times it is written with. */
function play(script: ProbeScript, options: RunOptions): RunResult {
  for (const [text, atMs] of script.writes ?? []) {
    if (atMs < options.timeoutMs) options.watch?.("stdout", text, atMs);
  }
  const stderr = script.stderr ?? "";
  const stopped = stderr !== "" && options.watch?.("stderr", stderr, 10) === true;
  const last = script.writes?.at(-1)?.[1] ?? 10;
  if (stopped) return { ...exited(0, "", stderr), exitCode: null, ended: "stopped", elapsedMs: 20 };
  if (script.exit === "hang") return { ...exited(0, "", stderr), exitCode: null, ended: "timeout", elapsedMs: options.timeoutMs };
  return { ...exited(script.exit, "", stderr), elapsedMs: last + 10 };
}

function exited(exitCode: number, stdout = "", stderr = ""): RunResult {
  return { exitCode, stdout, stderr, elapsedMs: 10, ended: "exited" };
}
