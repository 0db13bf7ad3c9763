import * as vscode from "vscode";
import { plain } from "../../editor/index.ts";
import type { Command } from "../command.ts";
import { namesOf, snapshotNameProblem } from "./name.ts";
import { snapshotVerb } from "./pick.ts";

const { l10n } = vscode;

export const renameSnapshot: Command = snapshotVerb({
  title: () => l10n.t("Snapshot to rename"),
  none: (machine) => l10n.t("{0} has no snapshot yet.", machine),
  async run({ editor }, { machine, snapshot, list }, given) {
    const taken = namesOf(list.snapshots);
    taken.delete(snapshot.name);
    const name =
      typeof given === "string"
        ? given
        : await vscode.window.showInputBox({
            title: l10n.t("Rename the Snapshot {0}", plain(snapshot.name)),
            value: snapshot.name,
            validateInput: (text) => snapshotNameProblem(text, taken),
          });
    if (name === undefined || name === snapshot.name) return undefined;
    return editor.service.call("snapshot.edit", { machine: machine.id, snapshot: snapshot.id, name });
  },
});

export const noteSnapshot: Command = snapshotVerb({
  title: () => l10n.t("Snapshot whose note to change"),
  none: (machine) => l10n.t("{0} has no snapshot yet.", machine),
  async run({ editor }, { machine, snapshot }, given) {
    const note =
      typeof given === "string"
        ? given
        : await vscode.window.showInputBox({
            title: l10n.t("Note of the Snapshot {0}", plain(snapshot.name)),
            value: snapshot.note ?? "",
            prompt: l10n.t("Empty: no note"),
            validateInput: (text) => (text.length > 2000 ? l10n.t("A note has at most 2000 characters.") : undefined),
          });
    if (note === undefined || note === (snapshot.note ?? "")) return undefined;
    return editor.service.call("snapshot.edit", { machine: machine.id, snapshot: snapshot.id, note });
  },
});
