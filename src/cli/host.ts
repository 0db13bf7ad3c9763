import type { Readable, Writable } from "node:stream";
import type { VivClient } from "../api/index.ts";

export type Output = Writable & { readonly isTTY?: boolean; readonly columns?: number };
export type Input = Readable & { readonly isTTY?: boolean; setRawMode?(raw: boolean): unknown };

export interface ChildEnd {
  code: number | null;
  signal: NodeJS.Signals | null;
}

/** Everything `viv` touches outside itself, so that a test can stand in for it. */
export interface Host {
  readonly environment: NodeJS.ProcessEnv;
  /** The folder the caller stands in. */
  readonly folder: string;
  readonly stdin: Input;
  readonly stdout: Output;
  readonly stderr: Output;
  /** Whether stdin can stay open without ever giving a byte: a pipe or a socket. */
  readonly stdinIsPipe: boolean;
  /** Aborted by Ctrl+C or a termination signal; its reason is the signal's name. */
  readonly signal: AbortSignal;
  connect(start: boolean): Promise<VivClient>;
  /** Runs a program on this terminal. Rejects with the system's error when it cannot be started. */
  run(program: string, args: readonly string[]): Promise<ChildEnd>;
}

const signalNumbers: Readonly<Record<string, number>> = { SIGHUP: 1, SIGINT: 2, SIGQUIT: 3, SIGKILL: 9, SIGPIPE: 13, SIGTERM: 15 };

/** The exit code a shell gives a process that a signal ended. */
export function signalExitCode(signal: unknown): number {
  return 128 + (signalNumbers[String(signal)] ?? 15);
}
