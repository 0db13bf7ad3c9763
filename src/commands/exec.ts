import * as vscode from "vscode";
import { isRunning, plain, withCancellableProgress } from "../editor/index.ts";
import { type Command, oneVerb } from "./command.ts";

const { l10n } = vscode;

let channel: vscode.OutputChannel | undefined;
/** Escape sequences of a guest's program mean nothing in an output channel: they are taken out. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is removed
const escapes = /\u001b\[[0-?]*[ -/]*[@-~]|\u001b[\]P^_X][^\u0007\u001b]*(?:\u0007|\u001b\\)?|[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g;

/** Runs a command in the guest's shell, by the agent, else by SSH; its output goes to an output channel. */
export const exec: Command = oneVerb({
  title: () => l10n.t("Machine to run a command in"),
  fits: isRunning,
  none: () => l10n.t("No machine is running."),
  async run({ editor }, machine, given) {
    const command = typeof given === "string" ? given : await askCommand(machine.name);
    if (command === undefined || command.trim() === "") return undefined;
    const result = await withCancellableProgress(l10n.t("Running in {0}", plain(machine.name)), (options) =>
      editor.service.call("machine.exec", { machine: machine.id, command: ["/bin/sh", "-c", command] }, options),
    );
    const stdout = Buffer.from(result.stdoutBase64, "base64").toString("utf8");
    const stderr = Buffer.from(result.stderrBase64, "base64").toString("utf8");
    show(editor.context, [
      `${machine.name}$ ${command}`,
      stdout,
      stderr,
      result.exitCode === 0 ? "" : l10n.t("exit code {0}", result.exitCode),
      result.truncated ? l10n.t("(the output is cut off)") : "",
    ]);
    return { exitCode: result.exitCode, stdout, stderr };
  },
});

function askCommand(name: string): Thenable<string | undefined> {
  return vscode.window.showInputBox({
    title: l10n.t("Run in {0}", plain(name)),
    placeHolder: "uname -a",
    prompt: l10n.t("A command for the guest's shell, as its root or user"),
  });
}

function show(context: vscode.ExtensionContext, parts: readonly string[]): void {
  if (!channel) {
    channel = vscode.window.createOutputChannel(l10n.t("Vivarium Guests"));
    context.subscriptions.push(channel, { dispose: () => (channel = undefined) });
  }
  for (const part of parts) if (part !== "") channel.appendLine(part.replace(/\r\n/g, "\n").replace(escapes, "").trimEnd());
  channel.show(true);
}
