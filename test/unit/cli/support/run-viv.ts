import { PassThrough } from "node:stream";
import type { ChildEnd, Host } from "../../../../src/cli/host.ts";
import { main } from "../../../../src/cli/main.ts";
import { vivError } from "../../../../src/model/index.ts";
import { type Answers, type FakeClient, type FakeConsole, fakeClient } from "./fake-client.ts";

export interface Setting {
  answers?: Answers;
  console?: FakeConsole;
  /** What stdin gives, then it ends; `terminal`: a keyboard; `silent`: a pipe nobody writes to or closes. Default: ended at once. */
  stdin?: string | Buffer | "terminal" | "silent";
  /** stdout and stderr are a terminal of 80 columns. */
  terminal?: boolean;
  environment?: NodeJS.ProcessEnv;
  folder?: string;
  /** What running a program of the host does; default: the test fails. */
  runProgram?: (program: string, args: readonly string[]) => Promise<ChildEnd>;
  /** No service runs, and none may be started. */
  noService?: boolean;
}

export interface Running {
  readonly client: FakeClient;
  readonly stdin: PassThrough;
  readonly rawModes: boolean[];
  stdout(): string;
  stdoutBytes(): Buffer;
  stderr(): string;
  interrupt(signal?: "SIGINT" | "SIGTERM"): void;
  readonly code: Promise<number>;
}

export interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
  readonly client: FakeClient;
  readonly json: () => unknown;
  readonly error: () => { code: string; message: string; hint?: string };
}

/** Starts one command line in this process, with a fake service and fake streams. */
export function startViv(argv: readonly string[], setting: Setting = {}): Running {
  const client = fakeClient(setting.answers ?? {}, setting.console);
  const out = collector(setting.terminal === true);
  const err = collector(setting.terminal === true);
  const interruption = new AbortController();
  const rawModes: boolean[] = [];
  const stdin = Object.assign(new PassThrough(), {
    isTTY: setting.stdin === "terminal",
    setRawMode: (raw: boolean) => rawModes.push(raw),
  });
  if (setting.stdin === undefined) stdin.end();
  else if (setting.stdin !== "terminal" && setting.stdin !== "silent") stdin.end(setting.stdin);
  const host: Host = {
    environment: setting.environment ?? {},
    folder: setting.folder ?? "/where/the/caller/stands",
    stdin,
    stdout: out.stream,
    stderr: err.stream,
    stdinIsPipe: setting.stdin === "silent",
    signal: interruption.signal,
    connect: async () => {
      if (setting.noService) throw vivError("daemon-unavailable", "No background service runs.");
      return client;
    },
    run: setting.runProgram ?? (() => Promise.reject(new Error("the test runs no program"))),
  };
  return {
    client,
    stdin,
    rawModes,
    stdout: () => out.bytes().toString("utf8"),
    stdoutBytes: out.bytes,
    stderr: () => err.bytes().toString("utf8"),
    interrupt: (signal = "SIGINT") => interruption.abort(signal),
    code: main(argv, host),
  };
}

export async function runViv(argv: readonly string[], setting: Setting = {}): Promise<Ended> {
  const running = startViv(argv, setting);
  const code = await running.code;
  // dispose() waits for the connection promise
  await new Promise((later) => setImmediate(later));
  const [stdout, stderr] = [running.stdout(), running.stderr()];
  return {
    code,
    stdout,
    stderr,
    client: running.client,
    json: () => JSON.parse(stdout) as unknown,
    error: () => (JSON.parse(stderr) as { error: { code: string; message: string; hint?: string } }).error,
  };
}

function collector(isTTY: boolean) {
  const chunks: Buffer[] = [];
  const stream = Object.assign(new PassThrough(), { isTTY, columns: 80 });
  stream.on("data", (chunk: Buffer) => chunks.push(chunk));
  return { stream, bytes: () => Buffer.concat(chunks) };
}
