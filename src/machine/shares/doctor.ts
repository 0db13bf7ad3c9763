import { watch } from "node:fs";
import { mkdir, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { asVivError, type PluggedShare, type ShareKind, vivError } from "../../model/index.ts";
import { doctorFolder, doctorTag } from "../../qemu/index.ts";
import { guestScript } from "../guestCare/script.ts";
import { guestFiles } from "../guestFiles/index.ts";
import type { Work } from "../host.ts";
import { requireSession } from "../lifecycle.ts";
import type { Machine, Operation } from "../machine.ts";
import { chooseKind } from "./choose.ts";
import type { SharedFolder } from "./folder.ts";
import { type GuestFacts, guestFacts, mountShare } from "./guest.ts";
import { hostWays } from "./host.ts";
import { keeperOf, type ShareKeeper } from "./keeper.ts";
import { type Measured, measureScript, parseMeasured } from "./measure.ts";

/** Measures each kind of share between this host and the running guest, in a folder of its own, and a copy on the guest's disk. */

export interface WayMeasured extends Measured {
  readonly way: ShareKind | "copy";
  readonly available: true;
  /** Does a program in the guest that watches the folder hear of a change by the host? null: nothing in the guest can tell. */
  readonly guestHearsHost: boolean | null;
  /** And the other way round; null where it has no meaning. */
  readonly hostHearsGuest: boolean | null;
}
export interface WayMissing {
  readonly way: ShareKind;
  readonly available: false;
  readonly reason: string;
}
export interface DoctorReport {
  readonly ways: readonly (WayMeasured | WayMissing)[];
  /** What `auto` takes here, and why. */
  readonly best: { readonly kind: ShareKind | null; readonly reason: string };
}

const place = "/run/vivarium-doctor";
const copyPlace = "/var/tmp/vivarium-doctor";
const hearsWithinMs = 3000;
const measureTimeoutMs = 300_000;

/** @throws VivError `wrong-state` for a machine that does not run or was started without shares. */
export async function examineShares(machine: Machine, work: Work): Promise<DoctorReport> {
  const session = requireSession(machine);
  if (!machine.state.run?.sharing)
    throw vivError(
      "wrong-state",
      `${machine.name} was started without anything shared, so nothing can be measured.`,
      `Add a share (viv share add ${machine.name} DIR), or make it ready for one (viv set ${machine.name} shares=[]), and restart it.`,
    );
  const keeper = keeperOf(machine, session);
  return machine.operate("share", work, async (operation) => {
    await keeper.remove(doctorTag);
    return keeper.alone(() => examine(machine, keeper, operation));
  });
}

async function examine(machine: Machine, keeper: ShareKeeper, operation: Operation): Promise<DoctorReport> {
  const facts = await guestFacts(machine, operation.signal);
  const path = doctorFolder({ platform: machine.host.platform, runDirectory: machine.run.folder });
  await mkdir(path, { recursive: true, mode: 0o700 });
  const { dev, ino } = await stat(path);
  const folder: SharedFolder = { path, inode: `${dev}:${ino}` };
  try {
    const host = await hostWays(machine, { tag: doctorTag, readOnly: false }, folder);
    const ways: (WayMeasured | WayMissing)[] = [];
    for (const kind of ["virtiofs", "9p"] as const) {
      const choice = chooseKind(kind, host, facts);
      if (choice.kind === undefined) {
        ways.push({ way: kind, available: false, reason: choice.reason });
        continue;
      }
      await operation.step(`measuring ${kind}`);
      ways.push(await examineKind(machine, keeper, kind, folder, facts, operation.signal));
    }
    await operation.step("measuring the guest's own disk");
    ways.push(await examineCopy(machine, operation.signal));
    const best = chooseKind("auto", host, facts);
    return { ways, best: { kind: best.kind ?? null, reason: best.reason } };
  } finally {
    await rm(path, { recursive: true, force: true });
  }
}

async function examineKind(
  machine: Machine,
  keeper: ShareKeeper,
  kind: ShareKind,
  folder: SharedFolder,
  facts: GuestFacts,
  signal: AbortSignal,
): Promise<WayMeasured | WayMissing> {
  let plugged: PluggedShare | undefined;
  try {
    plugged = await keeper.plug({ tag: doctorTag, readOnly: false, mountPoint: place }, kind, folder, facts);
    await mountShare(machine, { ...plugged, readOnly: false }, signal);
    const measured = await measure(machine, place, signal);
    const guestHearsHost = await hears(machine, place, () => writeFile(join(folder.path, "by-host"), "1"), signal);
    const hostHearsGuest = await hostHears(machine, folder.path, signal);
    return { way: kind, available: true, ...measured, guestHearsHost, hostHearsGuest };
  } catch (error) {
    signal.throwIfAborted();
    return { way: kind, available: false, reason: asVivError(error).message };
  } finally {
    const problem = plugged && (await keeper.takeOut(plugged));
    if (problem !== undefined) machine.host.notice(machine, "warning", `What the doctor measured with stays in the guest: ${problem}.`);
  }
}

/** As `viv sync` writes it: by the agent, on the guest's disk. */
async function examineCopy(machine: Machine, signal: AbortSignal): Promise<WayMeasured> {
  const run = (script: string) => guestScript(machine, { script, words: [copyPlace], signal });
  await run('mkdir -p "$1"');
  try {
    const measured = await measure(machine, copyPlace, signal);
    const guestHearsHost = await hears(machine, copyPlace, () => run('echo 1 > "$1/by-host"'), signal);
    return { way: "copy", available: true, ...measured, guestHearsHost, hostHearsGuest: null };
  } finally {
    await run('rm -rf "$1"').catch(() => undefined);
  }
}

async function measure(machine: Machine, folder: string, signal: AbortSignal): Promise<Measured> {
  const { stdout } = await guestScript(machine, { script: measureScript, words: [folder], timeoutMs: measureTimeoutMs, signal });
  return parseMeasured(stdout);
}

/** viv-agent watches the folder as any program of the guest would (inotify). */
async function hears(machine: Machine, folder: string, change: () => Promise<unknown>, signal: AbortSignal): Promise<boolean | null> {
  const files = await guestFiles(machine, "auto", signal).catch(() => undefined);
  let heard: () => void = () => undefined;
  const hearing = new Promise<true>((resolve) => {
    heard = () => resolve(true);
  });
  const watching = await files?.watch(folder, false, () => heard());
  if (!watching) return null;
  try {
    await change();
    return await Promise.race([hearing, later()]);
  } finally {
    watching.close();
  }
}

async function hostHears(machine: Machine, folder: string, signal: AbortSignal): Promise<boolean> {
  let heard: () => void = () => undefined;
  const hearing = new Promise<true>((resolve) => {
    heard = () => resolve(true);
  });
  const watcher = watch(folder, (_change, name) => name === "by-guest" && heard());
  try {
    await guestScript(machine, { script: 'echo 1 > "$1/by-guest"', words: [place], signal });
    return await Promise.race([hearing, later()]);
  } finally {
    watcher.close();
  }
}

function later(): Promise<false> {
  return new Promise((resolve) => setTimeout(() => resolve(false), hearsWithinMs).unref());
}
