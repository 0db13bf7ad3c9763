import * as vscode from "vscode";
import type { MachineSummary, Result } from "../../api/index.ts";
import { isWhole, plain, withCancellableProgress } from "../../editor/index.ts";
import type { SnapshotNode } from "../../vmtree/index.ts";
import { type Command, oneVerb, type Work } from "../command.ts";

const { l10n } = vscode;

/** Are the files of a snapshot, or of all, what they were? Each is read whole, so it may take a while; it can be cancelled. */
export const checkSnapshots: Command = async (work, ...args) => {
  const row = args[0] as Partial<SnapshotNode> | undefined;
  const check = oneVerb({
    title: () => l10n.t("Machine whose snapshots to check"),
    fits: isWhole,
    none: () => l10n.t("There is no machine whose vm.json can be read."),
    async run({ editor }, machine, named) {
      const snapshot = row?.kind === "snapshot" ? row.snapshot?.id : typeof named === "string" ? named : undefined;
      const found = await withCancellableProgress(l10n.t("Checking the snapshots of {0}", plain(machine.name)), (options) =>
        editor.service.call("snapshot.check", { machine: machine.id, ...(snapshot === undefined ? {} : { snapshot }) }, options),
      );
      void say(work, machine, found).catch((error: unknown) => editor.presentError(error, { machine: machine.id }));
      return found;
    },
  });
  return check(work, ...args);
};

async function say({ editor }: Work, machine: MachineSummary, { sound, files, problems }: Result<"snapshot.check">): Promise<void> {
  const name = plain(machine.name);
  if (sound) {
    void vscode.window.showInformationMessage(l10n.t("{0}: the {1} files of its snapshots are what they were.", name, files.length));
    return;
  }
  const wrong = files.flatMap(({ file, verdict, snapshots }) => {
    const needed = plain(snapshots.join(", "));
    if (verdict === "missing") return [l10n.t("{0} is missing. Snapshots that need it: {1}", plain(file), needed)];
    return verdict === "altered" ? [l10n.t("{0} was changed. Snapshots that need it: {1}", plain(file), needed)] : [];
  });
  const lines = [...wrong, ...problems.map((problem) => plain(problem))];
  for (const line of lines) editor.log.warn(`${name}: ${line}`);
  const more = l10n.t("Show Log");
  const text = `${name}: ${lines[0] ?? ""}`;
  if (lines.length === 1) void vscode.window.showWarningMessage(text);
  else if ((await vscode.window.showWarningMessage(l10n.t("{0} ({1} in all)", text, lines.length), more)) === more) editor.log.show();
}
