import * as vscode from "vscode";
import { isRunning, plain, withCancellableProgress } from "../../editor/index.ts";
import { type Command, oneVerb } from "../command.ts";
import { lineOf, liveSyncs } from "./liveSyncs.ts";
import { askForPlace, givenPlace, home, remember } from "./place.ts";

const { l10n } = vscode;

/** Brings a folder of this computer into a guest: once, or for as long as the window is open. */
export const syncFolder: Command = oneVerb({
  title: () => l10n.t("Machine to sync a folder to"),
  fits: isRunning,
  none: () => l10n.t("No machine is running."),
  async run({ editor }, machine, given, keep) {
    const place = givenPlace(given) ?? (await askForPlace(editor, machine, l10n.t("Sync Folder to {0}", plain(machine.name))));
    const live = place && (typeof keep === "boolean" ? keep : await askHowLong());
    if (!place || live === undefined) return undefined;
    await remember(editor, machine, place);
    if (live) {
      const { state } = await liveSyncs(editor).start(machine, place);
      return state?.state;
    }
    const title = l10n.t("Syncing to {0}", plain(machine.name));
    const synced = await withCancellableProgress(title, async ({ signal, onProgress }) => {
      const { sync } = await import("../../sync/index.ts");
      const told = ({ files, of }: { files: number; of: number }) =>
        onProgress({ kind: "sync", step: `${files}/${of}`, percent: Math.floor((files / of) * 100) });
      return sync({ client: await editor.service.client(), home: await home(), signal, told }, { ...place, machine: machine.name });
    });
    const { put, removed, leftOut } = synced;
    const words =
      put + removed === 0
        ? l10n.t("{0}:{1} is in sync.", plain(machine.name), place.path)
        : l10n.t("{0}:{1}: {2} sent, {3} removed.", plain(machine.name), place.path, put, removed);
    if (leftOut.length > 0) for (const { path, reason } of leftOut) editor.log.warn(`left out: ${path}: ${reason}`);
    void vscode.window.showInformationMessage(
      leftOut.length > 0 ? `${words} ${l10n.t("{0} left out (see the log).", leftOut.length)}` : words,
    );
    return synced;
  },
});

async function askHowLong(): Promise<boolean | undefined> {
  const keep = {
    label: l10n.t("Keep in Sync"),
    detail: l10n.t("Each change follows within a second, while this window is open"),
    live: true,
  };
  const once = { label: l10n.t("Once"), detail: l10n.t("What changed since the last time"), live: false };
  return (await vscode.window.showQuickPick([keep, once], { title: l10n.t("Sync Folder to Machine") }))?.live;
}

/** Ends a live sync; what is in the guest stays. */
export const stopSync: Command = async ({ editor }) => {
  const { all } = liveSyncs(editor);
  const items = all.map((sync) => ({ label: lineOf(sync), sync }));
  const [only] = items;
  if (!only) {
    void vscode.window.showInformationMessage(l10n.t("No folder is kept in sync."));
    return undefined;
  }
  const chosen = await vscode.window.showQuickPick(items, { title: l10n.t("Sync to stop") });
  await chosen?.sync.stop();
  return chosen?.sync.folder;
};
