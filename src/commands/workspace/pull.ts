import { basename } from "node:path";
import * as vscode from "vscode";
import { isRunning, plain, withCancellableProgress } from "../../editor/index.ts";
import type { Conflict, PreparedPull } from "../../sync/index.ts";
import { type Command, oneVerb } from "../command.ts";
import { askForPlace, givenPlace, home, remember } from "./place.ts";

const { l10n } = vscode;

/** Brings a guest's changes back; what changed here too is shown side by side before anything is replaced. */
export const pullFolder: Command = oneVerb({
  title: () => l10n.t("Machine to pull from"),
  fits: isRunning,
  none: () => l10n.t("No machine is running."),
  async run({ editor }, machine, given) {
    const place = givenPlace(given) ?? (await askForPlace(editor, machine, l10n.t("Pull from {0}", plain(machine.name))));
    if (!place) return undefined;
    await remember(editor, machine, place);
    const prepared = await withCancellableProgress(l10n.t("Pulling from {0}", plain(machine.name)), async ({ signal }) => {
      const { preparePull } = await import("../../sync/index.ts");
      return preparePull({ client: await editor.service.client(), home: await home(), signal }, { ...place, machine: machine.name });
    });
    try {
      const force = prepared.conflicts.length === 0 ? false : await askAboutConflicts(prepared);
      if (force === undefined) return undefined;
      const pulled = await prepared.apply({ force });
      void vscode.window.showInformationMessage(
        pulled.taken.length === 0
          ? l10n.t("{0}: nothing to pull.", plain(machine.name))
          : l10n.t("{0}: {1} pulled into {2}.", plain(machine.name), pulled.taken.length, place.folder),
      );
      return pulled;
    } finally {
      await prepared.dispose();
    }
  },
});

const shownAtOnce = 5;

/** Whether the guest's are taken (true), only the rest (false), or nothing. */
async function askAboutConflicts({ conflicts, take }: PreparedPull): Promise<boolean | undefined> {
  for (const conflict of conflicts.slice(0, shownAtOnce)) await showDifference(conflict);
  const theirs = l10n.t("Take the Guest's");
  const others = l10n.t("Pull Only the Others");
  const names = conflicts.slice(0, shownAtOnce).map(({ path }) => plain(path));
  const more = conflicts.length > shownAtOnce ? ", …" : "";
  const answer = await vscode.window.showWarningMessage(
    l10n.t("Changed here and in the guest: {0}. Nothing was written yet.", `${names.join(", ")}${more}`),
    ...(take.length > 0 ? [theirs, others] : [theirs]),
  );
  return answer === undefined ? undefined : answer === theirs;
}

/** Left what is here, right what is in the guest. */
async function showDifference({ path, hostFile, guestFile }: Conflict): Promise<void> {
  if (guestFile === undefined) return;
  const title = l10n.t("{0} (here ↔ guest)", basename(path));
  await vscode.commands.executeCommand("vscode.diff", vscode.Uri.file(hostFile), vscode.Uri.file(guestFile), title, { preview: false });
}
