import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import { execa } from "execa";
import { vivError } from "../model/index.ts";
import { processStartTime } from "./process.ts";
import type { Launched, LaunchOptions, Program } from "./types.ts";

/**
 * Starts QEMU (or another long-lived program) so that it outlives us: its own session, no handle of ours but the log,
 * umask 077, little of our environment, in its own systemd scope where the user's manager answers (a closed SSH session takes it along otherwise).
 *
 * @throws VivError `qemu-missing` when the file is not there or may not be run. A program that starts and dies
 *   is not an error here: see `exited` and the log.
 */
export async function launch(options: LaunchOptions): Promise<Launched> {
  const unit = options.scope !== undefined && (await userScopes()) ? `${options.scope}-${Date.now().toString(36)}.scope` : undefined;
  const [file, args] = commandLine(options.program, options.args, unit);
  const log = openSync(options.stderrFile, "a", 0o600);
  const umask = process.umask(0o077);
  let child: ChildProcess;
  try {
    child = start(file, args, log, options);
  } finally {
    process.umask(umask);
    closeSync(log);
  }
  const failure = new Promise<Error>((resolve) => child.once("error", resolve));
  const exited = new Promise<Ending>((resolve) => child.once("exit", (code, signal) => resolve({ code, signal })));
  if (child.pid === undefined) {
    const { message } = await failure;
    throw vivError("qemu-missing", `${file} could not be started: ${message}`, "Check that the file exists and may be executed.");
  }
  child.unref();
  const startTime = (await processStartTime(child.pid)) ?? "ended";
  return { pid: child.pid, startTime, exited, ...(unit === undefined ? {} : { unit }) };
}

type Ending = Awaited<Launched["exited"]>;

/**
 * At logout systemd ends everything at once; QEMU must wait until the service has suspended or stopped it, so it is sent
 * a signal that does nothing, and is killed only after the time that is left (systemd.kill(5), systemd.scope(5)).
 */
const scopeProperties = ["--property=KillSignal=SIGCONT", "--property=TimeoutStopSec=100"];

/** `systemd-run --scope` execs the program, so that the pid and the start time stay what they were. */
function commandLine(program: Program, args: readonly string[], unit: string | undefined): [string, string[]] {
  const own = [...program.argsPrefix, ...args];
  if (unit === undefined) return [program.file, own];
  return ["systemd-run", ["--user", "--scope", "--quiet", "--collect", ...scopeProperties, `--unit=${unit}`, "--", program.file, ...own]];
}

/**
 * Node's own spawn, not execa: the log must be the child's own open file (execa's `{file}` is a pipe through us,
 * which breaks when we die), and nothing may wait for the child.
 */
function start(file: string, args: string[], log: number, options: LaunchOptions): ChildProcess {
  return spawn(file, args, {
    cwd: options.cwd,
    env: { ...plainEnvironment(), ...options.program.env, ...options.env },
    detached: true,
    stdio: ["ignore", log, log],
    windowsHide: true,
  });
}

/** What a program needs of our environment to run at all. The rest may hold secrets, and a guest that breaks out could read it. */
const passedOn =
  /^(?:PATH|HOME|USER|LOGNAME|LANG|LC_\w+|TZ|TMPDIR|TMP|TEMP|XDG_RUNTIME_DIR|DBUS_SESSION_BUS_ADDRESS|SYSTEMROOT|WINDIR|SYSTEMDRIVE|PATHEXT|USERPROFILE|APPDATA|LOCALAPPDATA)$/i;

function plainEnvironment(): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => passedOn.test(name)));
}

let scopes: Promise<boolean> | undefined;

/** Does a systemd user manager make scopes for us? Asked once: a container has the program without the manager. */
export function userScopes(): Promise<boolean> {
  scopes ??= tryScope();
  return scopes;
}

async function tryScope(): Promise<boolean> {
  if (process.platform !== "linux" || process.env.XDG_RUNTIME_DIR === undefined) return false;
  const answer = await execa("systemd-run", ["--user", "--scope", "--quiet", "--collect", "--", "true"], {
    reject: false,
    timeout: 3_000,
    stdin: "ignore",
  });
  return answer.exitCode === 0;
}
