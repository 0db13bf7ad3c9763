import * as vscode from "vscode";
import type { Command } from "../command.ts";
import { snapshotItems, snapshotVerb } from "./pick.ts";

const { l10n } = vscode;

/** What differs between two snapshots, or one and the present: shown by the Snapshots panel. */
export const compareSnapshots: Command = snapshotVerb({
  title: () => l10n.t("First snapshot to compare"),
  none: (machine) => l10n.t("{0} has no snapshot yet.", machine),
  async run(_work, { machine, snapshot, list }, given) {
    const right =
      typeof given === "string" ? given : await ask(list.snapshots.filter((one) => one.removedAt === null && one.id !== snapshot.id));
    if (right === undefined) return undefined;
    return vscode.commands.executeCommand("vivarium.openSnapshots", machine.id, snapshot.id, right);
  },
});

async function ask(others: Parameters<typeof snapshotItems>[0]): Promise<string | undefined> {
  const now = { label: l10n.t("Now"), description: l10n.t("what the machine has now"), id: "present" };
  const items = [now, ...snapshotItems(others).map((item) => ({ ...item, id: item.snapshot.id }))];
  return (await vscode.window.showQuickPick(items, { title: l10n.t("Compare with"), matchOnDescription: true }))?.id;
}
