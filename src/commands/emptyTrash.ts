import * as vscode from "vscode";
import { bytesWords, withCancellableProgress } from "../editor/index.ts";
import type { Command } from "./command.ts";

const { l10n } = vscode;

/** Deletes removed machines for good. */
export const emptyTrash: Command = async ({ editor }) => {
  const trash = await editor.service.call("machine.trash", {});
  if (trash.length === 0) {
    void vscode.window.showInformationMessage(l10n.t("The trash is empty."));
    return undefined;
  }
  const bytes = trash.reduce((sum, entry) => sum + entry.bytes, 0);
  const action = l10n.t("Delete for Good");
  const question = l10n.t("Delete {0} removed machines ({1})?", trash.length, bytesWords(bytes));
  const detail = l10n.t("They cannot be brought back.");
  if ((await vscode.window.showWarningMessage(question, { modal: true, detail }, action)) !== action) return undefined;
  const { freedBytes } = await withCancellableProgress(l10n.t("Emptying the trash"), (options) =>
    editor.service.call("machine.emptyTrash", {}, options),
  );
  void vscode.window.showInformationMessage(l10n.t("The trash is empty: {0} freed.", bytesWords(freedBytes)));
  return freedBytes;
};
