import { syncClock } from "../machine/index.ts";
import type { World } from "./world.ts";

const lookEveryMs = 10_000;
const jumpMs = 5000;

/**
 * Guests' clocks stand still while the host sleeps. CLOCK_MONOTONIC stands still as well, the wall clock does not:
 * when they part by seconds, the host slept (or its clock was set), and every running guest is told the time.
 */
export function watchHostSleep(world: World): void {
  let apart = Date.now() - performance.now();
  const timer = setInterval(() => {
    const before = apart;
    apart = Date.now() - performance.now();
    if (Math.abs(apart - before) > jumpMs) void correctClocks(world);
  }, lookEveryMs);
  timer.unref();
}

export async function correctClocks(world: World): Promise<void> {
  const running = world.library.all.filter((machine) => machine.session?.agent.connected && machine.session.runState === "running");
  await Promise.all(running.map((machine) => syncClock(machine).catch(() => undefined)));
}
