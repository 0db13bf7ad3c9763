import * as vscode from "vscode";
import { isRunning, plain, withCancellableProgress } from "../editor/index.ts";
import { type Command, oneVerb } from "./command.ts";

const { l10n } = vscode;

/** Long enough for a guest that boots without acceleration; Cancel ends the wait. */
const patienceMs = 180_000;

/** This host's own ssh in a terminal, with the machine's key and its pinned host key, as `viv ssh` does. */
export const openSsh: Command = oneVerb({
  title: () => l10n.t("Machine to open a shell in"),
  fits: isRunning,
  none: () => l10n.t("No machine is running."),
  async run({ editor }, machine) {
    const details = await editor.machines.details(machine.id);
    if (details.readiness.ssh === undefined) {
      await withCancellableProgress(
        l10n.t("Waiting for SSH in {0}", plain(machine.name)),
        (options) => editor.service.call("machine.wait", { machine: machine.id, for: "ssh", timeoutMs: patienceMs }, options),
        0,
      );
    }
    const target = await editor.service.call("machine.sshTarget", { machine: machine.id });
    const terminal = vscode.window.createTerminal({
      name: `ssh: ${plain(machine.name)}`,
      shellPath: process.platform === "win32" ? "ssh.exe" : "ssh",
      shellArgs: target.arguments,
      iconPath: new vscode.ThemeIcon("vm-connect"),
      isTransient: true,
    });
    terminal.show();
    return terminal.name;
  },
});
