import * as vscode from "vscode";
import { bytesWords, plain } from "../editor/index.ts";
import type { Command } from "./command.ts";

const { l10n } = vscode;

/** Brings removed machines back from the trash. */
export const restoreRemoved: Command = async ({ editor }, id) => {
  if (typeof id === "string") return editor.service.call("machine.restoreRemoved", { machine: id });
  const trash = await editor.service.call("machine.trash", {});
  if (trash.length === 0) {
    void vscode.window.showInformationMessage(l10n.t("The trash is empty."));
    return undefined;
  }
  const items = trash
    .sort((left, right) => right.removedAt.localeCompare(left.removedAt))
    .map((entry) => ({
      label: plain(entry.name),
      description: l10n.t("removed {0} · {1}", new Date(entry.removedAt).toLocaleString(), bytesWords(entry.bytes)),
      id: entry.id,
    }));
  const chosen = await vscode.window.showQuickPick(items, { title: l10n.t("Machines to bring back"), canPickMany: true });
  for (const item of chosen ?? []) await editor.service.call("machine.restoreRemoved", { machine: item.id });
  return chosen?.map((item) => item.label);
};
