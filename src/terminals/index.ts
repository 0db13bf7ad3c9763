import * as vscode from "vscode";
import type { MachineSummary } from "../api/index.ts";
import { type Editor, isRunning, isWhole, pickMachine, plain } from "../editor/index.ts";
import { Remembered } from "./remembered.ts";
import { SerialTerminal } from "./serial.ts";
import { ShellTerminal } from "./shell.ts";

/** Terminals of machines: the serial console as a command, and as a profile of VS Code's own terminal menu. */

const profileId = "vivarium.machine";

export function registerTerminals(editor: Editor): vscode.Disposable {
  const remembered = new Remembered(editor.context.workspaceState);
  const { before, frontBefore } = remembered;
  const keep = (work: Promise<void>): void => void work.catch((error: unknown) => editor.log.warn(`open terminals: ${String(error)}`));
  let settling: NodeJS.Timeout | undefined;
  const registered = vscode.Disposable.from(
    editor.register("vivarium.openSerialConsole", async (...args) => {
      const machine = await pick(editor, args);
      if (machine) vscode.window.createTerminal(serialOptions(editor, machine)).show();
    }),
    editor.register("vivarium.openShell", async (...args) => {
      const machine = await pickMachine(editor, args, {
        title: vscode.l10n.t("Machine to open a shell in"),
        fits: isRunning,
        none: vscode.l10n.t("No machine is running."),
      });
      if (machine) vscode.window.createTerminal(shellOptions(editor, machine)).show();
    }),
    editor.register("vivarium.exec", async (...args) => exec(editor, args)),
    vscode.window.registerTerminalProfileProvider(profileId, {
      async provideTerminalProfile() {
        const machine = await pick(editor, []);
        if (!machine) return undefined;
        const options = serialOptions(editor, machine);
        showWhenOpened(options.pty);
        return new vscode.TerminalProfile(options);
      },
    }),
    vscode.window.onDidChangeActiveTerminal((terminal) => {
      clearTimeout(settling);
      // None: the last was closed, or the window goes away.
      if (terminal) settling = setTimeout(() => keep(remembered.cameToFront(machineOf(terminal))), settledMs);
    }),
    vscode.window.onDidOpenTerminal((terminal) => {
      const machine = machineOf(terminal);
      if (machine !== undefined) keep(remembered.opened(machine));
    }),
    vscode.window.onDidCloseTerminal((terminal) => {
      const machine = machineOf(terminal);
      // A window that goes away closes its terminals too: those come back with it.
      if (machine !== undefined && terminal.exitStatus?.reason !== vscode.TerminalExitReason.Shutdown) keep(remembered.closed(machine));
    }),
  );
  if (before.length > 0) keep(restore(editor, before, frontBefore));
  return registered;
}

/**
 * A command of the guest's shell, in a terminal where it can be answered. Other code that says which (`machine, command`)
 * gets what it said instead: `{ exitCode, stdout, stderr }`.
 */
async function exec(editor: Editor, args: readonly unknown[]): Promise<unknown> {
  const machine = await pickMachine(editor, args, {
    title: vscode.l10n.t("Machine to run a command in"),
    fits: isRunning,
    none: vscode.l10n.t("No machine is running."),
  });
  const [, given] = args;
  if (machine && typeof given === "string") return output(editor, machine, given);
  const command = machine && (await askCommand(machine.name));
  if (!machine || command === undefined || command.trim() === "") return undefined;
  vscode.window.createTerminal(shellOptions(editor, machine, command)).show();
  return undefined;
}

function askCommand(name: string): Thenable<string | undefined> {
  return vscode.window.showInputBox({
    title: vscode.l10n.t("Run in {0}", plain(name)),
    placeHolder: "uname -a",
    prompt: vscode.l10n.t("A command for the guest's shell, as its root or user"),
  });
}

async function output(editor: Editor, machine: MachineSummary, command: string): Promise<object> {
  const asked = { machine: machine.id, command: ["/bin/sh", "-c", command] };
  const { exitCode, stdoutBase64, stderrBase64 } = await editor.service.call("machine.exec", asked);
  const text = (base64: string): string => Buffer.from(base64, "base64").toString("utf8");
  return { exitCode, stdout: text(stdoutBase64), stderr: text(stderrBase64) };
}

/** A window that goes away closes one terminal after the other: what is in front meanwhile nobody put there. */
const settledMs = 1000;

/** VS Code fills an open panel that has no terminal with a shell of its own, some time after the window is there. */
const shellOpensMs = 30_000;

/** Opens them again without the keyboard, which nobody gave. The one that was in front of a panel in sight is there again. */
async function restore(editor: Editor, ids: readonly string[], front: string | undefined): Promise<void> {
  await editor.machines.load();
  const opened = ids.flatMap((id) => {
    const machine = editor.machines.find(id);
    return machine && isWhole(machine) ? [{ id, terminal: vscode.window.createTerminal(serialOptions(editor, machine)) }] : [];
  });
  const wanted = opened.find(({ id }) => id === front)?.terminal;
  if (wanted) bringBack(wanted);
}

/**
 * In front of the shells that were there before, and of what VS Code opens on its own: it may turn to its shell more than
 * once while that starts. A shell that somebody types into stays in front.
 */
function bringBack(wanted: vscode.Terminal): void {
  let times = 0;
  const over = (active: vscode.Terminal | undefined): void => {
    if (active === undefined || machineOf(active) !== undefined || active.state.isInteractedWith || times === 3) return;
    times += 1;
    wanted.show(true);
  };
  over(vscode.window.activeTerminal);
  const listening = vscode.window.onDidChangeActiveTerminal(over);
  setTimeout(() => listening.dispose(), shellOpensMs);
}

function machineOf({ creationOptions }: vscode.Terminal): string | undefined {
  return "pty" in creationOptions && creationOptions.pty instanceof SerialTerminal ? creationOptions.pty.machine : undefined;
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

function shellOptions(editor: Editor, machine: MachineSummary, command?: string): vscode.ExtensionTerminalOptions {
  return {
    name: command === undefined ? plain(machine.name) : `${plain(machine.name)}: ${plain(command, 40)}`,
    pty: new ShellTerminal(editor, machine, command),
    iconPath: new vscode.ThemeIcon("terminal"),
  };
}
