import * as vscode from "vscode";
import type { MachineSummary } from "../../api/index.ts";
import { hasProcess, isWhole, plain, withCancellableProgress } from "../../editor/index.ts";
import { type Command, oneVerb, type Work } from "../command.ts";

const { l10n } = vscode;

export const insertMedia: Command = oneVerb({
  title: () => l10n.t("Machine that gets a CD"),
  fits: isWhole,
  none: () => l10n.t("There is no machine whose vm.json can be read."),
  async run(work, machine, given) {
    const file =
      given instanceof vscode.Uri
        ? given
        : (
            await vscode.window.showOpenDialog({
              title: l10n.t("CD for {0}", plain(machine.name)),
              filters: { [l10n.t("CD images")]: ["iso"], [l10n.t("All files")]: ["*"] },
            })
          )?.[0];
    const force = file && (await mayForce(work, machine));
    if (!file || force === undefined) return undefined;
    return withCancellableProgress(l10n.t("Changing the CD of {0}", plain(machine.name)), (options) =>
      work.editor.service.call("media.insert", { machine: machine.id, file: file.fsPath, force }, options),
    );
  },
});

export const ejectMedia: Command = oneVerb({
  title: () => l10n.t("Machine whose CD to eject"),
  fits: isWhole,
  none: () => l10n.t("There is no machine whose vm.json can be read."),
  async run(work, machine) {
    const force = await mayForce(work, machine);
    if (force === undefined) return undefined;
    return withCancellableProgress(l10n.t("Ejecting the CD of {0}", plain(machine.name)), (options) =>
      work.editor.service.call("media.eject", { machine: machine.id, force }, options),
    );
  },
});

/** A guest that reads from the CD locks the tray: asked before it is opened against its will. `undefined`: leave it. */
async function mayForce({ editor }: Work, machine: MachineSummary): Promise<boolean | undefined> {
  if (!hasProcess(machine)) return false;
  const { locked } = await editor.service.call("media.show", { machine: machine.id });
  if (!locked) return false;
  const action = l10n.t("Open the Tray Anyway");
  const question = l10n.t("The guest of {0} has locked the CD drive.", plain(machine.name));
  const detail = l10n.t("It uses the CD. Unmount it in the guest, or open the tray although it reads from it.");
  return (await vscode.window.showWarningMessage(question, { modal: true, detail }, action)) === action ? true : undefined;
}
