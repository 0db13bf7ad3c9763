import * as vscode from "vscode";
import { bytesWords, withCancellableProgress } from "../editor/index.ts";
import type { Command } from "./command.ts";

const { t } = vscode.l10n;

/** Deletes removed machines for good. */
export const emptyTrash: Command = async ({ editor }) => {
  const trash = await editor.service.call("machine.trash", {});
  if (trash.length === 0) {
    void vscode.window.showInformationMessage(t("The trash is empty."));
    return undefined;
  }
  const bytes = trash.reduce((sum, entry) => sum + entry.bytes, 0);
  const action = t("Delete for Good");
  const question = t("Delete {0} removed machines ({1})?", trash.length, bytesWords(bytes));
  const detail = t("They cannot be brought back.");
  if ((await vscode.window.showWarningMessage(question, { modal: true, detail }, action)) !== action) return undefined;
  const { freedBytes } = await withCancellableProgress(t("Emptying the trash"), (options) =>
    editor.service.call("machine.emptyTrash", {}, options),
  );
  void vscode.window.showInformationMessage(t("The trash is empty: {0} freed.", bytesWords(freedBytes)));
  return freedBytes;
};
