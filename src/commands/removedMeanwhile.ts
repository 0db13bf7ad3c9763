import * as vscode from "vscode";
import type { MachineSummary } from "../api/index.ts";
import { factsOf, plain } from "../editor/index.ts";

const { l10n } = vscode;

/** The service knows no machine of this id any more: another window or a terminal removed it after it was chosen here. */
export function isRemovedMeanwhile(error: unknown, { id }: MachineSummary): boolean {
  const { code, message } = factsOf(error);
  return code === "not-found" && message.includes(id);
}

export async function sayRemovedMeanwhile({ name }: MachineSummary): Promise<void> {
  const restore = l10n.t("Restore");
  const text = l10n.t("There is no machine {0} any more: it was removed in another window or terminal.", plain(name));
  if ((await vscode.window.showWarningMessage(text, restore)) === restore)
    await vscode.commands.executeCommand("vivarium.restoreRemoved", name);
}
