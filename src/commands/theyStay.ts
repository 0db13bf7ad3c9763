import * as vscode from "vscode";
import type { Editor } from "../editor/index.ts";

const { l10n } = vscode;

const toldKey = "vivarium.toldThatMachinesStay";

/** Told once, after the first start ever, so that nobody finds machines running that they thought were gone. */
export function sayTheyStay({ context: { globalState } }: Editor): void {
  if (globalState.get(toldKey) !== undefined) return;
  void globalState.update(toldKey, true);
  void vscode.window.showInformationMessage(
    l10n.t("Machines keep running when VS Code is closed. Stop or suspend them in the Vivarium view."),
  );
}
