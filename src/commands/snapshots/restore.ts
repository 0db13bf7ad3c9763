import * as vscode from "vscode";
import type { MachineSummary } from "../../api/index.ts";
import { plain, withCancellableProgress } from "../../editor/index.ts";
import type { Command, Work } from "../command.ts";
import { nameProblem, suggestName } from "../name.ts";
import { snapshotVerb } from "./pick.ts";

const { l10n } = vscode;

/** Back to a snapshot. Nothing is asked: the present is kept in a snapshot of its own, and that can be undone. */
export const restoreSnapshot: Command = snapshotVerb({
  title: () => l10n.t("Snapshot to restore"),
  none: (machine) => l10n.t("{0} has no snapshot yet.", machine),
  run: (work, { machine, snapshot }) => restore(work, machine, snapshot.name, snapshot.id),
});

async function restore(work: Work, machine: MachineSummary, name: string, id: string): Promise<unknown> {
  const { editor } = work;
  const restored = await withCancellableProgress(l10n.t("Restoring {0} to {1}", plain(machine.name), plain(name)), (options) =>
    editor.service.call("snapshot.restore", { machine: machine.id, snapshot: id }, options),
  );
  void offerUndo(work, machine, name, restored.safety).catch((error: unknown) => editor.presentError(error, { machine: machine.id }));
  return restored;
}

async function offerUndo(work: Work, machine: MachineSummary, name: string, safety: string | null): Promise<void> {
  const back = l10n.t("{0} is back at {1}.", plain(machine.name), plain(name));
  if (safety === null) {
    void vscode.window.showInformationMessage(back);
    return;
  }
  const undo = l10n.t("Undo Restore");
  const kept = l10n.t("What it was before is kept in the snapshot {0}.", plain(safety));
  if ((await vscode.window.showInformationMessage(`${back} ${kept}`, undo)) === undo) await restore(work, machine, safety, safety);
}

/** A new machine that begins where the snapshot was taken; the old one stays as it is. */
export const restoreSnapshotInto: Command = snapshotVerb({
  title: () => l10n.t("Snapshot to make a machine of"),
  none: (machine) => l10n.t("{0} has no snapshot yet.", machine),
  async run({ editor, view }, { machine, snapshot }, given) {
    const taken = new Set(editor.machines.all.map(({ name }) => name));
    const name =
      typeof given === "string"
        ? given
        : await vscode.window.showInputBox({
            title: l10n.t("New Machine from {0} of {1}", plain(snapshot.name), plain(machine.name)),
            value: suggestName(`${machine.name}-${snapshot.name}`, taken),
            validateInput: (text) => nameProblem(text, taken),
          });
    if (name === undefined) return undefined;
    const made = await withCancellableProgress(l10n.t("Making {0}", plain(name)), (options) =>
      editor.service.call("snapshot.restore", { machine: machine.id, snapshot: snapshot.id, into: name }, options),
    );
    await editor.machines.reload();
    const id = editor.machines.find(name)?.id;
    if (id !== undefined) void view.reveal(id).catch(() => undefined);
    return made;
  },
});
