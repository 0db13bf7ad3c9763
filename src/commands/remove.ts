import * as vscode from "vscode";
import type { MachineSummary } from "../api/index.ts";
import { hasProcess, machineWords } from "../editor/index.ts";
import { anyMachine, type Command, manyVerb, type Work } from "./command.ts";
import { confirmLoss } from "./confirm.ts";

const { l10n } = vscode;

/** To the trash: nothing is asked for a machine that does not run, because Undo brings it back. */
export const remove: Command = manyVerb({
  title: () => l10n.t("Machines to remove"),
  fits: anyMachine,
  none: () => l10n.t("There is no machine."),
  doing: (names) => l10n.t("Removing {0}", names),
  confirm: async (machines) => {
    const live = machines.filter(hasProcess);
    return (
      live.length === 0 ||
      confirmLoss(
        live,
        l10n.t("It runs and is ended at once. Its disks go to the trash and can be brought back."),
        l10n.t("Kill and Remove"),
      )
    );
  },
  run: ({ editor }, machine, options) =>
    editor.service.call("machine.remove", { machine: machine.id, force: hasProcess(machine) }, options),
  after: (work, machines) => void offerUndo(work, machines),
});

async function offerUndo({ editor }: Work, machines: readonly MachineSummary[]): Promise<void> {
  const undo = l10n.t("Undo");
  const chosen = await vscode.window.showInformationMessage(l10n.t("{0} moved to the trash.", machineWords(machines)), undo);
  if (chosen !== undo) return;
  for (const { name } of machines) {
    await editor.service.call("machine.restoreRemoved", { machine: name }).catch((error: unknown) => void editor.presentError(error));
  }
}
