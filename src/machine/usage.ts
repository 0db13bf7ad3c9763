import { setTimeout as delay } from "node:timers/promises";
import * as z from "zod";
import { cpuPercent, processUsage } from "../backends/index.ts";
import { vivError } from "../model/index.ts";
import type { QmpClient } from "../qemu/index.ts";
import { requireSession } from "./lifecycle.ts";
import type { Machine } from "./machine.ts";

/** What a machine costs its host at this moment, and what its guest makes of its memory. */
export interface Usage {
  /** Of one core, over `intervalMs`: 200 is two cores busy. */
  readonly cpuPercent: number;
  readonly intervalMs: number;
  /** QEMU's pages in memory. */
  readonly residentBytes: number;
  /** Those that nobody else maps; null where the host does not tell. */
  readonly privateBytes: number | null;
  /** What the guest's balloon driver says; null without one, and while the guest is paused. */
  readonly guest: { readonly totalBytes: number; readonly availableBytes: number } | null;
}

/**
 * Takes two readings, `intervalMs` apart: nothing is measured while nobody asks (DESIGN §2.4).
 * @throws VivError `wrong-state` when it does not run, `qemu-lost` when it ends meanwhile.
 */
export async function usage(machine: Machine, intervalMs: number, signal: AbortSignal): Promise<Usage> {
  const session = requireSession(machine);
  const pid = machine.state.run?.pid;
  const before = pid === undefined ? undefined : await processUsage(pid);
  const guest = session.runState === "running" ? askGuest(session.qmp, intervalMs, signal) : Promise.resolve(null);
  const [memory] = await Promise.all([guest.catch(() => null), delay(intervalMs, undefined, { signal })]);
  const after = pid === undefined ? undefined : await processUsage(pid);
  if (!before || !after) throw vivError("qemu-lost", `${machine.name} ended while its load was measured.`);
  return {
    cpuPercent: Math.round(cpuPercent(before, after) * 10) / 10,
    intervalMs: Math.round(after.atMs - before.atMs),
    residentBytes: after.residentBytes,
    privateBytes: after.privateBytes,
    guest: memory,
  };
}

const balloonPath = "/machine/peripheral/balloon";
const pollingProperty = "guest-stats-polling-interval";
/** Figures of a guest that answered this long ago still say how it is. */
const freshSeconds = 10;

/** A guest that computes answers later. */
const busyGuestMs = 500;

/**
 * The balloon device asks its driver as soon as polling is switched on, then each second; it is switched off again
 * (docs/virtio-balloon-stats). No agent is needed, and no process starts in the guest.
 */
async function askGuest(qmp: QmpClient, waitMs: number, signal: AbortSignal): Promise<Usage["guest"]> {
  const polling = (value: number) => qmp.execute("qom-set", { path: balloonPath, property: pollingProperty, value }, { timeoutMs: 2000 });
  await polling(1);
  const read = async () =>
    readStats(await qmp.execute("qom-get", { path: balloonPath, property: "guest-stats" }, { timeoutMs: 2000 }), Date.now());
  try {
    await delay(waitMs, undefined, { signal });
    const first = await read();
    if (first) return first;
    await delay(busyGuestMs, undefined, { signal });
    return await read();
  } finally {
    await polling(0);
  }
}

const GuestStats = z.looseObject({
  "last-update": z.number(),
  stats: z.looseObject({ "stat-total-memory": z.number(), "stat-available-memory": z.number(), "stat-free-memory": z.number() }),
});

/** A figure that a driver does not know is 2^64 - 1; `last-update` (s) is 0 before the first answer. The guest may lie. */
export function readStats(value: unknown, nowMs: number): Usage["guest"] {
  const parsed = GuestStats.safeParse(value);
  if (!parsed.success || nowMs / 1000 - parsed.data["last-update"] > freshSeconds) return null;
  const { "stat-total-memory": totalBytes, "stat-available-memory": available, "stat-free-memory": free } = parsed.data.stats;
  const availableBytes = available < 2 ** 63 ? available : free;
  return totalBytes < 2 ** 63 && availableBytes <= totalBytes ? { totalBytes, availableBytes } : null;
}
