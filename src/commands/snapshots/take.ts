import * as vscode from "vscode";
import type { MachineSummary, SnapshotList } from "../../api/index.ts";
import { hasProcess, isWhole, plain, withCancellableProgress } from "../../editor/index.ts";
import { type Command, oneVerb, type Work } from "../command.ts";
import { nameAndNote, namesOf, snapshotNameProblem, suggestSnapshotName } from "./name.ts";

const { l10n } = vscode;

/** One question: a name, and after a space a note. With the memory of a machine that runs, when that can be. */
export const takeSnapshot: Command = take();
export const takeDisksOnly: Command = take({ memory: false });

function take(given: { memory?: false } = {}): Command {
  return oneVerb({
    title: () => l10n.t("Machine to take a snapshot of"),
    fits: isWhole,
    none: () => l10n.t("There is no machine whose vm.json can be read."),
    async run(work, machine, text) {
      const list = await work.editor.storage.snapshots(machine.id);
      const disksOnly = given.memory === false || list.memoryBlocked.length > 0;
      const answer = typeof text === "string" ? text : await ask(machine, list, disksOnly);
      if (answer === undefined) return undefined;
      const { name, note } = nameAndNote(answer);
      return create(work, machine, {
        name,
        ...(note === undefined ? {} : { note }),
        ...(hasProcess(machine) && disksOnly ? { memory: false } : {}),
      });
    },
  });
}

async function create(
  { editor }: Work,
  machine: MachineSummary,
  what: { name: string; note?: string; memory?: boolean },
): Promise<unknown> {
  const taken = await withCancellableProgress(l10n.t("Taking a snapshot of {0}", plain(machine.name)), (options) =>
    editor.service.call("snapshot.create", { machine: machine.id, ...what }, options),
  );
  vscode.window.setStatusBarMessage(
    l10n.t("Snapshot {0} of {1}: {2}", plain(taken.name), plain(machine.name), plain(taken.consistencyText)),
    6000,
  );
  return taken;
}

function ask(machine: MachineSummary, list: SnapshotList, disksOnly: boolean): Thenable<string | undefined> {
  const value = suggestSnapshotName(list.snapshots);
  const taken = namesOf(list.snapshots);
  return vscode.window.showInputBox({
    title: l10n.t("Take a Snapshot of {0}", plain(machine.name)),
    value,
    valueSelection: [0, value.length],
    prompt: `${whatItHolds(machine, list, disksOnly)} ${l10n.t("Write a name; what follows after a space is a note.")}`,
    validateInput: (text) => snapshotNameProblem(nameAndNote(text).name, taken),
  });
}

/** Said before, so that nobody is surprised when the snapshot is restored. */
function whatItHolds(machine: MachineSummary, { memoryBlocked }: SnapshotList, disksOnly: boolean): string {
  if (!hasProcess(machine)) return l10n.t("The machine is off: its disks are kept.");
  if (memoryBlocked.length > 0) return l10n.t("Disks only, because {0}", sentence(memoryBlocked));
  return disksOnly
    ? l10n.t("Disks only: the guest will boot when it is restored.")
    : l10n.t("Memory and disks are kept; the guest runs on.");
}

function sentence(reasons: readonly string[]): string {
  const text = plain(reasons.join("; "), 300);
  return text.endsWith(".") ? text : `${text}.`;
}
