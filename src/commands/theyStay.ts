import * as vscode from "vscode";
import type { Editor } from "../editor/index.ts";

const { l10n } = vscode;

const toldKey = "vivarium.toldThatMachinesStay";

/** Told after the first start ever, so that nobody finds machines running that they thought were gone. */
export function sayTheyStay(editor: Editor): void {
  const state = editor.context.globalState;
  if (state.get(toldKey) === true) return;
  // Once a window even when the answer never comes; for good when it does.
  if (state.get(toldKey) === vscode.env.sessionId) return;
  void state.update(toldKey, vscode.env.sessionId);
  void tell(editor);
}

async function tell(editor: Editor): Promise<void> {
  const never = l10n.t("Don't Show Again");
  const chosen = await vscode.window.showInformationMessage(
    l10n.t("Machines keep running when VS Code is closed. Stop or suspend them in the Vivarium view."),
    never,
  );
  if (chosen === never) await editor.context.globalState.update(toldKey, true);
}
