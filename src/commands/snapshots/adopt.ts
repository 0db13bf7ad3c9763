import * as vscode from "vscode";
import type { MachineSummary, SnapshotList } from "../../api/index.ts";
import { ageWords, isWhole, plain, withCancellableProgress } from "../../editor/index.ts";
import type { InternalNode } from "../../vmtree/index.ts";
import { type Command, oneVerb } from "../command.ts";

const { l10n } = vscode;

type Internal = SnapshotList["internal"][number];

/** A snapshot inside an imported image becomes one of ours. */
export const adoptSnapshot: Command = async (work, ...args) => {
  const internal = (args[0] as Partial<InternalNode> | undefined)?.internal;
  const adopt = oneVerb({
    title: () => l10n.t("Machine whose image has snapshots inside"),
    fits: isWhole,
    none: () => l10n.t("There is no machine whose vm.json can be read."),
    async run({ editor }, machine, disk, id) {
      const inside = (await editor.storage.snapshots(machine.id)).internal;
      const chosen = internal ?? inside.find((one) => one.disk === disk && one.id === id) ?? (await ask(machine, inside));
      if (!chosen) return undefined;
      return withCancellableProgress(l10n.t("Taking over {0}", plain(chosen.name)), (options) =>
        editor.service.call("snapshot.adopt", { machine: machine.id, disk: chosen.disk, id: chosen.id }, options),
      );
    },
  });
  return adopt(work, ...args);
};

async function ask(machine: MachineSummary, inside: readonly Internal[]): Promise<Internal | undefined> {
  if (inside.length === 0) {
    void vscode.window.showInformationMessage(l10n.t("The images of {0} have no snapshots inside.", plain(machine.name)));
    return undefined;
  }
  const items = inside.map((internal) => ({
    label: plain(internal.name),
    description: `${plain(internal.disk)} · ${ageWords(internal.createdAt, Date.now(), vscode.env.language)}`,
    internal,
  }));
  return (await vscode.window.showQuickPick(items, { title: l10n.t("Snapshot to take over") }))?.internal;
}
