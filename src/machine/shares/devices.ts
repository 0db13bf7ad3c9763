import type { PluggedShare } from "../../model/index.ts";
import { deferred, plugShare, shareNames, sharePorts } from "../../qemu/index.ts";
import type { Machine } from "../machine.ts";
import { killProcess } from "../processEnd.ts";
import type { Session } from "../session.ts";
import { runSteps } from "../snapshots/live.ts";

/** A share's device, plugged into the running guest and taken away again. */

/** Unmounted, Linux lets go in a tenth of a second on x86, in some seconds on Arm. */
const letGoWithinMs = 20_000;

export function pluggedShares(machine: Machine): readonly PluggedShare[] {
  return machine.state.run?.shares ?? [];
}

/** A port that no share sits in. */
export function freeSharePort(machine: Machine): number | undefined {
  const taken = new Set(pluggedShares(machine).map(({ port }) => port));
  return Array.from({ length: sharePorts }, (_, port) => port).find((port) => !taken.has(port));
}

/** Plugs it and records it. On an error the guest has nothing of it, and its server is gone. */
export async function plug(machine: Machine, session: Session, share: PluggedShare, socket: string): Promise<void> {
  await record(machine, (shares) => [...shares.filter(({ tag }) => tag !== share.tag), share]);
  try {
    await runSteps(session, plugShare(share, socket));
  } catch (error) {
    await forget(machine, session, share);
    throw error;
  }
}

/** @returns false when the guest keeps it. */
export async function unplug(machine: Machine, session: Session, share: PluggedShare): Promise<boolean> {
  const { device } = shareNames(share.tag);
  if (await hasShareDevice(session, share.tag)) {
    const gone = deferred<boolean>();
    const listening = session.qmp.on("DEVICE_DELETED", (event) => event.device === device && gone.resolve(true));
    void session.qmp.closed.then(() => gone.resolve(true));
    const timer = setTimeout(() => gone.resolve(false), letGoWithinMs);
    try {
      // One that is asked already answers “in the process of unplug”: its answer is waited for.
      await session.qmp.execute("device_del", { id: device }).catch(() => undefined);
      if (!(await gone.promise)) return false;
    } finally {
      clearTimeout(timer);
      listening.dispose();
    }
  }
  await forget(machine, session, share);
  return true;
}

export async function hasShareDevice(session: Session, tag: string): Promise<boolean> {
  const { device } = shareNames(tag);
  return (await session.qmp.execute("qom-list", { path: "/machine/peripheral" })).some(({ name }) => name === device);
}

/** What QEMU and this host still hold of a share whose device is gone. */
export async function forget(machine: Machine, session: Session, share: PluggedShare): Promise<void> {
  if (share.kind === "virtiofs") await session.qmp.execute("chardev-remove", { id: shareNames(share.tag).socket }).catch(() => undefined);
  if (share.process) await killProcess(share.process);
  await record(machine, (shares) => shares.filter(({ tag }) => tag !== share.tag));
}

async function record(machine: Machine, change: (shares: readonly PluggedShare[]) => PluggedShare[]): Promise<void> {
  await machine.record((state) => (state.run ? { ...state, run: { ...state.run, shares: change(state.run.shares ?? []) } } : state), {
    quiet: true,
  });
}
