import { existsSync } from "node:fs";
import { readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { MachineDetails, VivClient } from "../../src/api/index.ts";
import { isAlive, processStartTime } from "../../src/backends/index.ts";
import type { TestHome } from "./home.ts";
import { runTool } from "./tools.ts";

/** How tests break things: kill, stop and starve processes at a chosen moment, and see what is left. */

/** Waits for a fact. The time is generous: other work may share the machine. */
export async function until<T>(
  what: string,
  look: () => Promise<T | undefined | false> | T | undefined | false,
  timeoutMs = 30_000,
): Promise<T> {
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    const found = await look();
    if (found !== undefined && found !== false) return found;
    if (Date.now() > deadline) throw new Error(`never came within ${timeoutMs} ms: ${what}`);
    await delay(15);
  }
}

/** Every QEMU (emulator, not qemu-img) that serves this home, by its command line. */
export async function qemuPids(folder: string): Promise<number[]> {
  const pids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name));
  const found = await Promise.all(
    pids.map(async (pid) => {
      const words = (await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "")).split("\0");
      const own = words.includes("-pidfile") && words.some((word) => word.startsWith(`${folder}/run/`));
      return own && (await processStartTime(Number(pid))) !== undefined ? [Number(pid)] : [];
    }),
  );
  return found.flat();
}

/** `kill -9`, then waits until the process is gone. */
export async function killHard(pid: number): Promise<void> {
  const startTime = await processStartTime(pid);
  if (startTime === undefined) return;
  process.kill(pid, "SIGKILL");
  await until(`the end of process ${pid}`, async () => !(await isAlive({ pid, startTime })));
}

export async function killVivd(home: TestHome): Promise<void> {
  await killHard(await home.vivdPid());
}

/** Resident memory of a process, bytes. */
export async function residentBytes(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, "utf8");
  return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? 0) * 1024;
}

/** `qemu-img check` finds neither errors nor leaks that matter. */
export async function diskIsClean(home: TestHome, machine: string, file = "disk0.qcow2"): Promise<boolean> {
  const outcome = await runTool("qemu-img", ["check", "-q", "-f", "qcow2", file], home.machineFolder(machine));
  // 3: clusters are leaked: space, not data (qemu-img(1)).
  if (outcome.exitCode !== 0 && outcome.exitCode !== 3) throw new Error(`qemu-img check: ${outcome.stderr}${outcome.stdout}`);
  return true;
}

/**
 * Stops operations at a step (src/machine/testPause.ts): `at` arms the pause, the outcome says when it is reached and
 * lets it go on. For a home made with `environment: pauses.environment`.
 */
export interface Pauses {
  readonly environment: Record<string, string>;
  at(kind: string, step: string): Promise<{ reached(): Promise<void>; release(): Promise<void> }>;
}

export function pausesIn(folder: string): Pauses {
  const prefix = join(folder, "pause");
  return {
    environment: { VIVARIUM_TEST_PAUSE: prefix },
    async at(kind, step) {
      const file = `${prefix}.${kind}:${step}`;
      await writeFile(file, "");
      return {
        reached: () => until(`the step ${kind}: ${step}`, () => existsSync(`${file}.reached`)).then(() => undefined),
        release: async () => {
          await rm(file, { force: true });
          await rm(`${file}.reached`, { force: true });
        },
      };
    },
  };
}

export async function show(client: VivClient, machine: string): Promise<MachineDetails> {
  return client.call("machine.show", { machine });
}

/** Waits for a state of the machine, by asking. */
export function untilState(
  client: VivClient,
  machine: string,
  states: readonly MachineDetails["state"][],
  timeoutMs = 60_000,
): Promise<MachineDetails> {
  return until(
    `${machine} is ${states.join(" or ")}`,
    async () => {
      const details = await show(client, machine);
      return states.includes(details.state) && details.operation === undefined && details;
    },
    timeoutMs,
  );
}

/** The outcome of a call that may fail: its error's code, or undefined. */
export function codeOf(call: Promise<unknown>): Promise<string | undefined> {
  return call.then(
    () => undefined,
    (error: { code?: string }) => error.code ?? String(error),
  );
}

/** Everything below a folder, as relative paths; sockets and folders included. */
export async function everything(folder: string): Promise<string[]> {
  return (await readdir(folder, { recursive: true }).catch(() => [])).sort();
}
