import * as vscode from "vscode";
import type { MachineSummary } from "../../api/index.ts";
import { bytesWords, isWhole, plain, withCancellableProgress } from "../../editor/index.ts";
import { type Command, oneVerb, type Work } from "../command.ts";
import { forEachRow, snapshotVerb } from "./pick.ts";

const { l10n } = vscode;

/** Out of sight, not gone: nothing is asked, because Undo brings it back until it is emptied. */
export const removeSnapshot: Command = forEachRow(
  snapshotVerb({
    title: () => l10n.t("Snapshot to remove"),
    none: (machine) => l10n.t("{0} has no snapshot yet.", machine),
    run: (work, { machine, snapshot }) => remove(work, machine, snapshot.id, snapshot.name, false),
  }),
);

/** The snapshot and all that grew from it. */
export const removeBranch: Command = snapshotVerb({
  title: () => l10n.t("Snapshot to remove with all that grew from it"),
  none: (machine) => l10n.t("{0} has no snapshot yet.", machine),
  run: (work, { machine, snapshot }) => remove(work, machine, snapshot.id, snapshot.name, true),
});

async function remove(work: Work, machine: MachineSummary, id: string, name: string, branch: boolean): Promise<unknown> {
  const { editor } = work;
  const result = await withCancellableProgress(l10n.t("Removing {0}", plain(name)), (options) =>
    editor.service.call("snapshot.remove", { machine: machine.id, snapshot: id, branch }, options),
  );
  void offerUndo(work, machine, name, result).catch((error: unknown) => editor.presentError(error, { machine: machine.id }));
  return result;
}

interface Removal {
  readonly removed: readonly string[];
  readonly reclaimableBytes: number;
}

async function offerUndo({ editor }: Work, machine: MachineSummary, name: string, { removed, reclaimableBytes }: Removal): Promise<void> {
  const what = removed.length > 1 ? l10n.t("{0} snapshots removed.", removed.length) : l10n.t("{0} removed.", plain(name));
  const frees = l10n.t("Emptying frees {0}.", bytesWords(reclaimableBytes));
  const undo = l10n.t("Undo");
  const empty = l10n.t("Empty");
  const chosen = await vscode.window.showInformationMessage(`${what} ${frees}`, undo, empty);
  if (chosen === empty) await vscode.commands.executeCommand("vivarium.snapshot.empty", machine.id);
  // Parents before children: what grew from one finds it again.
  if (chosen === undo)
    for (const id of removed) await editor.service.call("snapshot.restoreRemoved", { machine: machine.id, snapshot: id });
}

export const undoRemoveSnapshot: Command = forEachRow(
  snapshotVerb({
    title: () => l10n.t("Removed snapshot to bring back"),
    fits: ({ removedAt }) => removedAt !== null,
    none: (machine) => l10n.t("{0} has no removed snapshot.", machine),
    run: ({ editor }, { machine, snapshot }) =>
      editor.service.call("snapshot.restoreRemoved", { machine: machine.id, snapshot: snapshot.id }),
  }),
);

/** Deletes removed snapshots for good, after a question. */
export const emptySnapshots: Command = oneVerb({
  title: () => l10n.t("Machine whose removed snapshots to delete"),
  fits: isWhole,
  none: () => l10n.t("There is no machine whose vm.json can be read."),
  async run({ editor }, machine) {
    const { snapshots, removedBytes } = await editor.storage.snapshots(machine.id);
    const removed = snapshots.filter(({ removedAt }) => removedAt !== null);
    if (removed.length === 0) {
      void vscode.window.showInformationMessage(l10n.t("{0} has no removed snapshot.", plain(machine.name)));
      return undefined;
    }
    const action = l10n.t("Delete for Good");
    const question = l10n.t("{0}: delete {1} removed snapshots ({2})?", plain(machine.name), removed.length, bytesWords(removedBytes));
    const detail = l10n.t("They cannot be brought back: {0}", removed.map(({ name }) => plain(name, 60)).join(", "));
    if ((await vscode.window.showWarningMessage(question, { modal: true, detail }, action)) !== action) return undefined;
    const { freedBytes } = await withCancellableProgress(l10n.t("Deleting removed snapshots of {0}", plain(machine.name)), (options) =>
      editor.service.call("snapshot.empty", { machine: machine.id }, options),
    );
    vscode.window.setStatusBarMessage(l10n.t("{0} freed.", bytesWords(freedBytes)), 6000);
    return freedBytes;
  },
});
