import * as vscode from "vscode";
import type { Command } from "./command.ts";

const { l10n } = vscode;

/** Connects, starting the service when none runs: the way back after it was stopped or failed. */
export const connectService: Command = async ({ editor }) => {
  await editor.machines.load();
  return editor.service.status;
};

/** Ends the background service for every window and terminal; machines run on. */
export const stopService: Command = async ({ editor }) => {
  await editor.service.client();
  const status = await editor.service.call("daemon.status", {});
  const others = status.clients - 1;
  const action = l10n.t("Stop Background Service");
  const detail = [
    l10n.t("Machines keep running. Any window or viv command starts it again."),
    ...(others > 0 ? [l10n.t("{0} other windows or terminals are connected.", others)] : []),
    ...(status.operations > 0
      ? [l10n.t("{0} operations are in progress; the next service finishes or undoes them.", status.operations)]
      : []),
  ].join(" ");
  if ((await vscode.window.showWarningMessage(l10n.t("Stop the background service?"), { modal: true, detail }, action)) !== action)
    return false;
  await editor.service.stop();
  return true;
};

export const showLog: Command = async ({ editor }) => editor.log.show();

export const openWalkthrough: Command = async ({ editor }) => {
  const open = () => vscode.commands.executeCommand("workbench.action.openWalkthrough", `${editor.context.extension.id}#start`, false);
  await open();
  // A window that has shown no walkthrough yet knows only its own at first, and shows that one instead.
  await new Promise((wake) => setTimeout(wake, 500));
  await open();
};
