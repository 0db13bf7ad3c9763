import * as vscode from "vscode";
import type { MachineSummary } from "../api/index.ts";
import { type Editor, isWhole, pickMachine, plain } from "../editor/index.ts";
import { SerialTerminal } from "./serial.ts";

/** Terminals of machines: the serial console as a command, and as a profile of VS Code's own terminal menu. */

const profileId = "vivarium.machine";

export function registerTerminals(editor: Editor): vscode.Disposable {
  return vscode.Disposable.from(
    editor.register("vivarium.openSerialConsole", async (...args) => {
      const machine = await pick(editor, args);
      if (machine) vscode.window.createTerminal(serialOptions(editor, machine)).show();
    }),
    vscode.window.registerTerminalProfileProvider(profileId, {
      async provideTerminalProfile() {
        const machine = await pick(editor, []);
        if (!machine) return undefined;
        const options = serialOptions(editor, machine);
        showWhenOpened(options.pty);
        return new vscode.TerminalProfile(options);
      },
    }),
  );
}

/** VS Code leaves a hidden panel hidden when a profile makes a terminal after a question. */
function showWhenOpened(pty: vscode.Pseudoterminal): void {
  const listening = vscode.window.onDidOpenTerminal((terminal) => {
    if (!("pty" in terminal.creationOptions) || terminal.creationOptions.pty !== pty) return;
    listening.dispose();
    terminal.show();
  });
}

function pick(editor: Editor, args: readonly unknown[]): Promise<MachineSummary | undefined> {
  return pickMachine(editor, args, {
    title: vscode.l10n.t("Machine whose serial console to open"),
    fits: isWhole,
    none: vscode.l10n.t("No machine has a serial console: their vm.json cannot be read."),
  });
}

function serialOptions(editor: Editor, machine: MachineSummary): vscode.ExtensionTerminalOptions {
  return {
    name: vscode.l10n.t("{0} – Serial", plain(machine.name)),
    pty: new SerialTerminal(editor, machine),
    iconPath: new vscode.ThemeIcon("vm-running"),
  };
}
