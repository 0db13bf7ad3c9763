import * as vscode from "vscode";
import type { DiskDetails, MachineSummary, Result } from "../../api/index.ts";
import { plain, withCancellableProgress } from "../../editor/index.ts";
import type { Command, Work } from "../command.ts";
import { diskVerb } from "./pick.ts";

const { l10n } = vscode;

type Repair = "no" | "leaks" | "all";

/** Checks every layer; what can be mended without a risk is offered, the rest after a question. */
export const checkDisk: Command = diskVerb({
  title: () => l10n.t("Disk to check"),
  run: (work, machine, disk) => check(work, machine, disk, "no"),
});

async function check(work: Work, machine: MachineSummary, disk: DiskDetails, repair: Repair): Promise<Result<"disk.check">> {
  const found = await withCancellableProgress(l10n.t("Checking the disk {0}", plain(disk.id)), (options) =>
    work.editor.service.call("disk.check", { machine: machine.id, disk: disk.id, repair }, options),
  );
  void say(work, machine, disk, found).catch((error: unknown) => work.editor.presentError(error, { machine: machine.id }));
  return found;
}

async function say(work: Work, machine: MachineSummary, disk: DiskDetails, found: Result<"disk.check">): Promise<void> {
  const { sound, corruptions, leaks, repaired } = found;
  const name = plain(disk.id);
  if (repaired || (sound && leaks === 0)) {
    void vscode.window.showInformationMessage(repaired ? l10n.t("The disk {0} was mended.", name) : l10n.t("The disk {0} is sound.", name));
    return;
  }
  const mend = l10n.t("Give It Back");
  const repair = l10n.t("Repair…");
  if (corruptions === 0) {
    const wasted = l10n.t("The disk {0} is sound; {1} clusters are wasted.", name, leaks);
    if ((await vscode.window.showInformationMessage(wasted, mend)) === mend) await check(work, machine, disk, "leaks");
    return;
  }
  if ((await vscode.window.showWarningMessage(l10n.t("The disk {0} has {1} faults.", name, corruptions), repair)) !== repair) return;
  const action = l10n.t("Repair");
  const detail = l10n.t("A repair may lose what cannot be read any more. Export the disk first if it matters.");
  const question = l10n.t("Repair the disk {0} of {1}?", name, plain(machine.name));
  if ((await vscode.window.showWarningMessage(question, { modal: true, detail }, action)) === action)
    await check(work, machine, disk, "all");
}
