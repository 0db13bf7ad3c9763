import { rm } from "node:fs/promises";
import type { Definition } from "../../model/index.ts";
import { deferred, hasSeed, seedNames } from "../../qemu/index.ts";
import { recordRunning } from "../disks/edit.ts";
import { hasDevice } from "../disks/nodes.ts";
import { closeNode } from "../disks/plan.ts";
import type { Machine } from "../machine.ts";
import type { Session } from "../session.ts";
import { runSteps } from "../snapshots/live.ts";
import { seedFile, wipe } from "./files.ts";

/** How long a guest may take to let go of the seed; one that keeps it has a blank disk until it is next started. */
const letGoWithinMs = 10_000;

/** Makes the seed worthless at once, then takes the disk from the guest and its file from the folder. Safe to repeat. */
export async function retireSeed(machine: Machine, session: Session): Promise<void> {
  await wipe(machine.paths);
  const definition = machine.state.run?.definition as Definition | undefined;
  if (!definition || !hasSeed(definition)) return;
  await machine.operateAside("disk", async () => {
    if (machine.session !== session) return;
    if ((await hasDevice(session, seedNames.device)) && !(await letGo(session))) return;
    await runSteps(session, [closeNode(seedNames.node)]).catch(() => undefined);
    await recordRunning(machine, ({ firstBoot: _done, ...rest }) => rest);
    await rm(seedFile(machine.paths), { force: true });
  });
}

async function letGo({ qmp }: Session): Promise<boolean> {
  const gone = deferred<boolean>();
  const listening = qmp.on("DEVICE_DELETED", ({ device }) => device === seedNames.device && gone.resolve(true));
  const timer = setTimeout(() => gone.resolve(false), letGoWithinMs);
  void qmp.closed.then(() => gone.resolve(false));
  try {
    await qmp.execute("device_del", { id: seedNames.device });
    return await gone.promise;
  } catch {
    return false;
  } finally {
    clearTimeout(timer);
    listening.dispose();
  }
}
