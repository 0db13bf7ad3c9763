/**
 * Every fact about the host that this room reads comes through `Host`, so that a golden can be a Mac or a PC.
 * Knows nothing about QEMU. The real one is `local-host.ts`.
 */
import type { Platform } from "./types.ts";

export interface RunOptions {
  /** Killed (SIGKILL) after this long. */
  readonly timeoutMs: number;
  readonly env?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
  /** Sees output as it arrives, `atMs` after the spawn. Return true to have the program killed now. */
  readonly watch?: (stream: "stdout" | "stderr", text: string, atMs: number) => boolean;
}

export interface RunResult {
  /** Null when it was killed or never started. */
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
  readonly elapsedMs: number;
  /** `stopped`: by `watch` or by the caller's signal; `signal`: it died of one. */
  readonly ended: "exited" | "timeout" | "stopped" | "signal" | "not-started";
  /** The signal's name, or why it did not start (`ENOENT`). */
  readonly detail?: string;
}

export interface Host {
  readonly platform: Platform;
  /** What `process.arch` says (`x64`, `arm64`), which may be a translated view of the processor. */
  readonly processArchitecture: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Kernel or build version: `6.1.0-18-amd64`, `24.5.0` (Darwin), `10.0.26100`. */
  readonly release: string;
  readonly cores: number;
  readonly memoryBytes: number;
  readonly userName: string;
  /** Can this user read and write the file? */
  access(path: string): Promise<"ok" | "missing" | "denied">;
  stat(path: string): Promise<{ readonly sizeBytes: number; readonly folder: boolean } | undefined>;
  /** Text of a small file; undefined when it cannot be read. */
  read(path: string): Promise<string | undefined>;
  /** SHA-256 of a file's content, hex. */
  hash(path: string): Promise<string>;
  /** Absolute path of a program in PATH. */
  which(name: string): Promise<string | undefined>;
  /** Runs a program to its end, without stdin and without a shell. Never rejects. */
  run(file: string, args: readonly string[], options: RunOptions): Promise<RunResult>;
  /** Changes with every boot of the host; caches about accelerators are keyed by it. */
  bootId(): Promise<string>;
}
