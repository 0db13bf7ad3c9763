import * as vscode from "vscode";
import { machineWords } from "../editor/index.ts";

const { l10n } = vscode;

/** A modal question before something is lost for good; what can be undone is not asked about. */
export async function confirmLoss(machines: readonly { name: string }[], detail: string, action: string): Promise<boolean> {
  const question = l10n.t("{0}: {1}?", machineWords(machines), action);
  return (await vscode.window.showWarningMessage(question, { modal: true, detail }, action)) === action;
}
