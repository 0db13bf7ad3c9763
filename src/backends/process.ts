import { readdir, readFile } from "node:fs/promises";
import { execa } from "execa";
import type { ProcessIdentity } from "./types.ts";

/**
 * When a process began, as an opaque text which, with the pid, names it for ever: pids are reused.
 * Linux: boot id and clock ticks since boot (`/proc/PID/stat`, field 22; proc(5)). macOS: `ps -o lstart=`, whole
 * seconds. Windows: 100 ns ticks since 1601, by PowerShell (about half a second).
 *
 * @returns undefined when there is no such process, or only its corpse (a zombie).
 */
export async function processStartTime(pid: number): Promise<string | undefined> {
  if (!Number.isSafeInteger(pid) || pid <= 0) return undefined;
  switch (process.platform) {
    case "linux":
      return linuxStartTime(pid);
    case "win32":
      return ask(...powerShell(`(Get-Process -Id ${pid}).StartTime.ToFileTimeUtc()`));
    default:
      return macStartTime(pid);
  }
}

/** Does exactly this process still run? False for another one under the same pid, and for a zombie. */
export async function isAlive(identity: ProcessIdentity): Promise<boolean> {
  return (await processStartTime(identity.pid)) === identity.startTime;
}

/** Program and arguments of a process in one text, to tell it from others; undefined when it is gone. */
export async function processCommand(pid: number): Promise<string | undefined> {
  if (!Number.isSafeInteger(pid) || pid <= 0) return undefined;
  if (process.platform !== "linux") return ask(...commandQuery(process.platform, pid));
  return (await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => undefined))?.replaceAll("\0", " ");
}

type Query = [file: string, args: string[]];

/** Who is asked for a process's command line where there is no /proc. `wmic` is gone from Windows 11 24H2. */
export function commandQuery(platform: string, pid: number): Query {
  if (platform === "win32") return powerShell(`(Get-CimInstance -ClassName Win32_Process -Filter "ProcessId=${pid}").CommandLine`);
  return ["ps", ["-ww", "-o", "command=", "-p", String(pid)]];
}

function powerShell(script: string): Query {
  return ["powershell.exe", ["-NoProfile", "-NonInteractive", "-Command", script]];
}

async function linuxStartTime(pid: number): Promise<string | undefined> {
  const stat = await readFile(`/proc/${pid}/stat`, "latin1").catch(() => undefined);
  if (stat === undefined) return undefined;
  // The second field is the program's name in parentheses and may hold anything, so count from the last one.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const [state, ticks] = [fields[0], fields[19]];
  if (ticks === undefined || state === "X" || (state === "Z" && !(await hasOtherThreads(pid)))) return undefined;
  return `${await linuxBootId()}:${ticks}`;
}

/** A killed process's first thread is a corpse before the others have ended, which still hold its files and their locks. */
async function hasOtherThreads(pid: number): Promise<boolean> {
  const threads = await readdir(`/proc/${pid}/task`).catch(() => []);
  return threads.length > 1;
}

let bootId: Promise<string> | undefined;
function linuxBootId(): Promise<string> {
  bootId ??= readFile("/proc/sys/kernel/random/boot_id", "latin1").then((text) => text.trim());
  return bootId;
}

async function macStartTime(pid: number): Promise<string | undefined> {
  const line = await ask("ps", ["-o", "stat=,lstart=", "-p", String(pid)]);
  const [, state, started] = /^(\S+)\s+(.+)$/.exec(line ?? "") ?? [];
  return state === undefined || state.startsWith("Z") ? undefined : started;
}

async function ask(file: string, args: string[]): Promise<string | undefined> {
  const answer = await execa(file, args, { reject: false, timeout: 10_000, windowsHide: true, env: { LC_ALL: "C" } });
  return answer.exitCode === 0 && answer.stdout.trim() !== "" ? answer.stdout.trim() : undefined;
}
