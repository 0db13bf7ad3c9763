import { isAlive } from "../backends/index.ts";

/** Sends a signal; a process that is gone already is no error. */
function endProcess(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

/** Kills exactly this process, if it is still there. @returns false when it does not go away. */
export async function killProcess(identity: { pid: number; startTime: string }, timeoutMs = 5000): Promise<boolean> {
  if (!(await isAlive(identity))) return true;
  endProcess(identity.pid, "SIGKILL");
  return waitGone(identity, timeoutMs);
}

/** Waits until a process is gone; false when it is still there after the time. */
export async function waitGone(identity: { pid: number; startTime: string }, timeoutMs: number): Promise<boolean> {
  const deadline = Date.now() + timeoutMs;
  for (let pause = 1; ; pause = Math.min(pause * 2, 50)) {
    if (!(await isAlive(identity))) return true;
    if (Date.now() > deadline) return false;
    await new Promise((wake) => setTimeout(wake, pause));
  }
}
