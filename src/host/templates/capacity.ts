import { statfs } from "node:fs/promises";
import { freemem } from "node:os";
import { vivError } from "../../model/index.ts";

/**
 * What an idle fork takes of its own (67 MiB of the starter guest, 94 of Debian: test/bench/results.md) and some for what it
 * will write; of the disk its layer's tables and its logs.
 */
const forkMemoryBytes = 128 * 1024 ** 2;
const forkDiskBytes = 4 * 1024 ** 2;
/** Left to the host. */
const reserveMemoryBytes = 512 * 1024 ** 2;
const reserveDiskBytes = 64 * 1024 ** 2;

/** How many forks this host has room for now. */
export async function roomForForks(folder: string, free: { memoryBytes: number } = { memoryBytes: freemem() }): Promise<number> {
  const { bavail, bsize } = await statfs(folder);
  const byMemory = Math.floor((free.memoryBytes - reserveMemoryBytes) / forkMemoryBytes);
  const byDisk = Math.floor((bavail * bsize - reserveDiskBytes) / forkDiskBytes);
  return Math.max(0, Math.min(byMemory, byDisk));
}

/** All of them or none is started. @throws VivError `not-enough-memory` with how many there is room for */
export async function requireRoom(folder: string, count: number, free?: { memoryBytes: number }): Promise<void> {
  const room = await roomForForks(folder, free);
  if (count <= room) return;
  throw vivError(
    "not-enough-memory",
    `There is room for ${room} ${room === 1 ? "fork" : "forks"} on this host, not for ${count}.`,
    room > 0 ? `Ask for ${room}, or stop other machines.` : "Stop other machines, or free some space on the disk.",
  );
}
