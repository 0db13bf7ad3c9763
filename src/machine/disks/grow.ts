import * as z from "zod";
import { vivError } from "../../model/index.ts";
import { guestCommand, hasAgent } from "../guestCommand.ts";
import type { Machine, Operation } from "../machine.ts";
import type { RunningGuest } from "./changeable.ts";
import { growScript } from "./growScript.ts";

/** What was made larger in the guest. */
export interface Grown {
  /** `vda2`; `vda` where the disk is one file system. */
  readonly device: string;
  readonly fileSystem: string;
  readonly bytes: number;
}

/** A large ext4 under emulation takes its time. */
const timeoutMs = 300_000;
const Report = z.tuple([z.string().regex(/^[\w-]{1,64}$/), z.string().regex(/^[\w-]{1,32}$/), z.coerce.number().int().positive()]);

/**
 * Can the guest grow what is at the end of the disk? Asked before anything changes.
 * @throws VivError `wrong-state` with what is in the way, `agent-unavailable`
 */
export async function requireGrowable(machine: Machine, guest: RunningGuest | undefined, serial: string): Promise<RunningGuest> {
  if (!guest)
    throw vivError(
      "wrong-state",
      `${machine.name} does not run: only its guest can grow partitions and file systems.`,
      `Start it first (viv start ${machine.name}), or leave --grow out.`,
    );
  if (guest.session.runState !== "running")
    throw vivError("wrong-state", `${machine.name} is paused: its guest can grow nothing.`, `Resume it first: viv resume ${machine.name}`);
  if (!(await hasAgent(guest.session)))
    throw vivError(
      "agent-unavailable",
      `No agent answers in ${machine.name} that could grow the file system.`,
      "Wait for it (viv wait NAME --for agent), or grow it by hand in the guest (growpart, resize2fs).",
    );
  await ask(machine, guest, ["look", serial, "0"]);
  return guest;
}

/** Grows the last partition of the disk and the file system in it to the disk's size. */
export function growInGuest(machine: Machine, guest: RunningGuest, serial: string, bytes: number, operation: Operation): Promise<Grown> {
  return ask(machine, guest, ["grow", serial, String(bytes)], operation.signal);
}

async function ask(machine: Machine, guest: RunningGuest, args: string[], signal?: AbortSignal): Promise<Grown> {
  const words = ["/bin/sh", "-c", growScript, "sh", ...args];
  const { exitCode, stdout, stderr } = await guestCommand(guest.session, words, { timeoutMs, ...(signal ? { signal } : {}) });
  const said = stderr.trim().slice(-500);
  if (exitCode === 3) {
    const [why = "", hint] = said.split("\n");
    throw vivError("wrong-state", `${machine.name}: ${why}`, hint);
  }
  const report = Report.safeParse(stdout.trim().split("\n").at(-1)?.split(" "));
  if (exitCode !== 0 || !report.success)
    throw vivError(
      "failed",
      `The file system in ${machine.name} could not be grown: ${said || `exit code ${exitCode ?? "none"}`}`,
      "The disk itself is larger; grow the file system by hand in the guest.",
    );
  const [device, fileSystem, bytes] = report.data;
  return { device, fileSystem, bytes };
}
