import { fstatSync } from "node:fs";
import type { ChildEnd, Host, Output } from "./host.ts";
import { main } from "./main.ts";

/** The process around main(): its own streams, signals and folder. */

/** The caller's folder; `npm run viv` moves to the package's folder and leaves the caller's in INIT_CWD. */
function callersFolder(): string {
  const { INIT_CWD, npm_lifecycle_event } = process.env;
  return INIT_CWD !== undefined && npm_lifecycle_event === "viv" ? INIT_CWD : process.cwd();
}

/** The first signal asks the verb to end cleanly, the second ends at once. */
function interruption(): AbortSignal {
  const controller = new AbortController();
  for (const [name, code] of [
    ["SIGINT", 130],
    ["SIGTERM", 143],
  ] as const) {
    process.on(name, () => {
      if (controller.signal.aborted) process.exit(code);
      if (process.stderr.isTTY) process.stderr.write("\nviv: cancelling (Ctrl+C again quits at once)\n");
      controller.abort(name);
    });
  }
  return controller.signal;
}

function isPipe(descriptor: number): boolean {
  try {
    const stat = fstatSync(descriptor);
    return stat.isFIFO() || stat.isSocket();
  } catch {
    return false;
  }
}

async function runChild(program: string, args: readonly string[]): Promise<ChildEnd> {
  const { spawn } = await import("node:child_process");
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { stdio: "inherit" });
    child.once("error", reject);
    child.once("exit", (code, signal) => resolve({ code, signal }));
  });
}

/** `viv ls | head -1`: a reader that has gone is no error, as for any filter. */
function quietOnClosedPipe(output: Output): void {
  output.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code === "EPIPE") process.exit(141);
    throw error;
  });
}

function processHost(script: string): Host {
  return {
    environment: process.env,
    folder: callersFolder(),
    get stdin() {
      return process.stdin;
    },
    stdout: process.stdout,
    stderr: process.stderr,
    get stdinIsPipe() {
      return isPipe(0);
    },
    signal: interruption(),
    connect: async (start) => (await import("./service.ts")).connectService(script, start),
    run: runChild,
  };
}

/** Runs this process's command line and ends the process with its exit code. */
export async function start(): Promise<void> {
  quietOnClosedPipe(process.stdout);
  quietOnClosedPipe(process.stderr);
  const code = await main(process.argv.slice(2), processHost(process.argv[1] ?? ""));
  await Promise.all([flushed(process.stdout), flushed(process.stderr)]);
  // Not exitCode: an open stdin or a closing connection must not hold the terminal.
  process.exit(code);
}

function flushed(output: Output): Promise<void> {
  return new Promise((resolve) => output.write("", () => resolve()));
}
