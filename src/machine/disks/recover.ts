import * as z from "zod";
import { type Definition, Disk } from "../../model/index.ts";
import { diskNames } from "../../qemu/index.ts";
import type { Machine } from "../machine.ts";
import type { Session } from "../session.ts";
import { settleAdd } from "./add.ts";
import type { RunningGuest } from "./changeable.ts";
import { settleCompact } from "./compact.ts";
import { recordRunning, withoutDisk } from "./edit.ts";
import { settleMedia } from "./media.ts";
import { dropImages } from "./plug.ts";
import { Removal, Restoration, settleRemove, settleRestore } from "./remove.ts";

/** What each operation wrote before its steps. One that is not listed has nothing to settle. */
const Progress = z.discriminatedUnion("action", [
  z.object({ action: z.literal("add"), disk: Disk }),
  Removal,
  Restoration,
  z.object({ action: z.literal("resize") }),
  z.object({ action: z.literal("check") }),
  z.object({ action: z.literal("compact"), file: z.string() }),
  z.object({ action: z.literal("media") }),
]);

/**
 * Puts right what a vivd that died was doing to a machine's disks. `session` is the running QEMU's, if it runs. Every
 * rule may be applied again, should this vivd die too.
 *
 * | action | process alive | process gone |
 * | --- | --- | --- |
 * | add | finished when the guest has the disk, else undone | undone, unless vm.json names it |
 * | remove | undone while the guest has the disk, else finished | finished when vm.json is without it, else undone |
 * | restore | finished; the guest has it when it was plugged in | finished |
 * | resize | the old size or the new one, whole | the same |
 * | check | – | nothing: qemu-img repairs in steps that are safe |
 * | compact | – | the layer is the old one or the new one; the copy goes |
 * | media | written down as the drive has it | as vm.json says |
 */
export async function settleDisks(machine: Machine, session: Session | undefined): Promise<void> {
  const parsed = Progress.safeParse(machine.state.operation?.data);
  if (!parsed.success) return;
  await machine.refreshDefinition();
  const definition = machine.state.run?.definition as Definition | undefined;
  const guest: RunningGuest | undefined = session && definition ? { session, definition } : undefined;
  const progress = parsed.data;
  switch (progress.action) {
    case "add":
      return settleAdd(machine, progress.disk, guest);
    case "remove":
      return settleRemove(machine, progress, guest);
    case "restore":
      return settleRestore(machine, progress, guest);
    case "compact":
      return settleCompact(progress.file);
    case "media":
      return settleMedia(machine, guest);
    case "resize":
    case "check":
      return;
  }
}

/** The guest let go of a disk on its own, or long after it was asked: vm.json keeps it, the guest has it no more. */
export async function deviceGone(machine: Machine, session: Session, device: string): Promise<void> {
  if (machine.busy === "disk") return;
  const definition = machine.state.run?.definition as Definition | undefined;
  const disk = definition?.disks.find((each, index) => diskNames(each, index).device === device);
  if (!disk) return;
  await recordRunning(machine, (running) => withoutDisk(running, disk.id));
  await dropImages(machine, session, disk);
  machine.host.notice(
    machine,
    "info",
    `The guest let go of disk ${disk.id}.`,
    `It is back at the next start; to remove it: viv disk rm ${machine.name} ${disk.id}`,
  );
}
