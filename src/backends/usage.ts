import { readFile } from "node:fs/promises";
import { execa } from "execa";

/** What a process has used so far. */
export interface ProcessUsage {
  /** When this was read, ms; only the difference to another reading means something. */
  readonly atMs: number;
  /** Time on processors, user and system, all threads, ms. Linux counts in 10 ms, macOS too. */
  readonly cpuMs: number;
  /** Pages in memory, shared ones included. */
  readonly residentBytes: number;
  /** Pages that nobody else maps: what the host has back when it ends. null where the system does not tell (macOS). */
  readonly privateBytes: number | null;
}

/**
 * Linux: `/proc/PID/stat` and `smaps_rollup` (proc(5)); the latter walks the page tables, so it is for somebody who looks.
 * macOS: ps(1). Windows: PowerShell (about half a second).
 * @returns undefined when there is no such process.
 */
export async function processUsage(pid: number): Promise<ProcessUsage | undefined> {
  switch (process.platform) {
    case "linux":
      return linuxUsage(pid);
    case "win32":
      return parseWindowsUsage(await ask("powershell.exe", ["-NoProfile", "-NonInteractive", "-Command", windowsScript(pid)]));
    default:
      return parsePsUsage(await ask("ps", ["-o", "time=,rss=", "-p", String(pid)]), performance.now());
  }
}

async function linuxUsage(pid: number): Promise<ProcessUsage | undefined> {
  const read = (file: string) => readFile(`/proc/${pid}/${file}`, "latin1").catch(() => undefined);
  const stat = await read("stat");
  const atMs = performance.now();
  // A process that ends between the two has no memory.
  const memory = (await read("smaps_rollup")) ?? (await read("status"));
  return stat === undefined || memory === undefined ? undefined : parseLinuxUsage(stat, memory, atMs);
}

/** `USER_HZ`: 100 on every architecture QEMU's hosts have (time(7)). */
const msPerTick = 10;

/** `memory` is the text of `smaps_rollup`, or of `status` where a kernel before 4.14 has no such file. */
export function parseLinuxUsage(stat: string, memory: string, atMs: number): ProcessUsage | undefined {
  // The second field is the program's name in parentheses and may hold anything, so count from the last one.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const [userTicks, systemTicks] = [fields[11], fields[12]].map(Number);
  const residentBytes = kilobytes(memory, "Rss") ?? kilobytes(memory, "VmRSS");
  if (fields[0] === "Z" || userTicks === undefined || systemTicks === undefined || residentBytes === undefined) return undefined;
  const [clean, dirty] = [kilobytes(memory, "Private_Clean"), kilobytes(memory, "Private_Dirty")];
  return {
    atMs,
    cpuMs: (userTicks + systemTicks) * msPerTick,
    residentBytes,
    privateBytes: clean === undefined || dirty === undefined ? null : clean + dirty,
  };
}

function kilobytes(text: string, name: string): number | undefined {
  const found = new RegExp(`^${name}:\\s+(\\d+) kB$`, "m").exec(text)?.[1];
  return found === undefined ? undefined : Number(found) * 1024;
}

/** `1:02:03.45 123456`: hours may be missing; kilobytes. */
export function parsePsUsage(line: string | undefined, atMs: number): ProcessUsage | undefined {
  const [, time, kilobytes] = /^([\d:.]+)\s+(\d+)$/.exec(line ?? "") ?? [];
  if (time === undefined) return undefined;
  const seconds = time.split(":").reduce((sum, part) => sum * 60 + Number(part), 0);
  return { atMs, cpuMs: Math.round(seconds * 1000), residentBytes: Number(kilobytes) * 1024, privateBytes: null };
}

function windowsScript(pid: number): string {
  const process = `$p = Get-Process -Id ${pid}`;
  return `${process}; "{0:F0} {1:F0} {2} {3}" -f ([DateTime]::UtcNow.Ticks / 10000), $p.TotalProcessorTime.TotalMilliseconds, $p.WorkingSet64, $p.PrivateMemorySize64`;
}

export function parseWindowsUsage(line: string | undefined): ProcessUsage | undefined {
  const [atMs, cpuMs, residentBytes, privateBytes] = (/^(\d+) (\d+) (\d+) (\d+)$/.exec(line ?? "") ?? []).slice(1).map(Number);
  if (atMs === undefined || cpuMs === undefined || residentBytes === undefined || privateBytes === undefined) return undefined;
  return { atMs, cpuMs, residentBytes, privateBytes };
}

/** Per cent of one core between two readings of one process: 200 is two cores busy. */
export function cpuPercent(before: ProcessUsage, after: ProcessUsage): number {
  const elapsedMs = after.atMs - before.atMs;
  return elapsedMs <= 0 ? 0 : Math.max(0, ((after.cpuMs - before.cpuMs) / elapsedMs) * 100);
}

async function ask(file: string, args: string[]): Promise<string | undefined> {
  const answer = await execa(file, args, { reject: false, timeout: 10_000, windowsHide: true, env: { LC_ALL: "C" } });
  return answer.exitCode === 0 ? answer.stdout.trim() : undefined;
}
