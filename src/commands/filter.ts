import * as vscode from "vscode";
import type { Command } from "./command.ts";

const { l10n } = vscode;

/** Narrows the tree while one types. */
export const filterMachines: Command = async ({ view }, given) => {
  await vscode.commands.executeCommand("vivarium.machines.focus");
  if (typeof given === "string") {
    view.filter = given;
    return given;
  }
  const before = view.filter;
  const box = vscode.window.createInputBox();
  box.title = l10n.t("Filter machines");
  box.placeholder = l10n.t("Words of name, group, image, state or accelerator");
  box.value = before;
  box.onDidChangeValue((text) => {
    view.filter = text.trim();
  });
  return new Promise<string>((resolve) => {
    let accepted = false;
    box.onDidAccept(() => {
      accepted = true;
      box.hide();
    });
    box.onDidHide(() => {
      if (!accepted) view.filter = before;
      resolve(view.filter);
      box.dispose();
    });
    box.show();
  });
};

export const clearFilter: Command = async ({ view }) => {
  view.filter = "";
};
