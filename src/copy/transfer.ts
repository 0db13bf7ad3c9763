import { statfs } from "node:fs/promises";
import { type VivError, vivError } from "../model/index.ts";
import type { CopyWork, GuestPipe } from "./ways.ts";

/** The guest's own failure says more than the pipe that broke because of it. Gives the guest's exit code. */
export async function settled(work: CopyWork, pipe: GuestPipe, transfer: Promise<unknown>): Promise<number> {
  const failed = transfer.then(
    () => undefined,
    (error: Error) => error,
  );
  const error = await Promise.race([failed, pipe.exit.then(() => undefined)]);
  if (work.signal.aborted || error?.name === "AbortError") {
    pipe.close();
    throw vivError("cancelled", "Cancelled.");
  }
  // What broke here, not there, ends the other side.
  if (error && !isBrokenPipe(error)) {
    pipe.close();
    throw error;
  }
  const { exitCode, signal } = await pipe.exit;
  const late = await failed;
  if (exitCode === 0 && late) throw late;
  return exitCode ?? 128 + (signal ?? 0);
}

function isBrokenPipe(error: Error): boolean {
  return ["ERR_STREAM_PREMATURE_CLOSE", "EPIPE", "ECONNRESET"].includes((error as NodeJS.ErrnoException).code ?? "");
}

/** Why a command in the guest failed, from what it said on stderr. */
export function guestFailure(exitCode: number, said: string): VivError {
  const reason = said
    .trim()
    .split("\n")
    .filter((line) => !line.startsWith("sha256 "))
    .join("; ")
    .slice(0, 2000);
  if (/No space left|Disk quota/.test(reason))
    return vivError("disk-full", `The guest's disk is full: ${reason}`, "Free some space in the guest.");
  if (/No such file/.test(reason)) return vivError("not-found", `In the guest: ${reason}`);
  return vivError("agent-failed", `In the guest: ${reason || `exit code ${exitCode}`}`);
}

/** Both sides counted the same. @throws VivError `io-error` */
export function compareHashes(here: string, said: string): void {
  const there = /^sha256 ([0-9a-f]{64})$/m.exec(said)?.[1];
  if (there !== here)
    throw vivError("io-error", `What arrived is not what was sent (SHA-256 ${here} here, ${there ?? "none"} there).`, "Copy again.");
}

/** A guest may send for ever; this much of the host's disk is left to others. */
const leaveFreeBytes = 256 * 1024 * 1024;

/** @throws VivError `disk-full` when `folder`'s file system gets too full to go on. */
export async function roomLeft(folder: string): Promise<void> {
  const { bavail, bsize } = await statfs(folder);
  if (bavail * bsize < leaveFreeBytes)
    throw vivError("disk-full", `${folder}: less than 256 MiB are left on this disk.`, "Free some space, or copy less of the guest.");
}
