import * as vscode from "vscode";
import { isWhole, plain, withCancellableProgress } from "../editor/index.ts";
import { type Command, oneVerb } from "./command.ts";

const { l10n } = vscode;

const anHourMs = 3_600_000;

/** Waits with a notification until the machine is that far; says so when it is. */
export const wait: Command = oneVerb({
  title: () => l10n.t("Machine to wait for"),
  fits: isWhole,
  none: () => l10n.t("There is no machine."),
  async run({ editor }, machine, given) {
    const condition = typeof given === "string" ? given : await askCondition(machine.name);
    if (condition === undefined) return undefined;
    const title = l10n.t("{0}: waiting for {1}", plain(machine.name), plain(condition));
    const details = await withCancellableProgress(
      title,
      (options) => editor.service.call("machine.wait", { machine: machine.id, for: condition, timeoutMs: anHourMs }, options),
      0,
    );
    if (typeof given !== "string")
      void vscode.window.showInformationMessage(l10n.t("{0}: {1} is there.", plain(machine.name), plain(condition)));
    return details;
  },
});

async function askCondition(name: string): Promise<string | undefined> {
  const text = { label: l10n.t("a text on the serial console…"), value: "serial" };
  const items = [
    { label: "ssh", description: l10n.t("the guest answers by SSH"), value: "ssh" },
    { label: "agent", description: l10n.t("the guest agent answers"), value: "agent" },
    { label: "running", description: l10n.t("the machine runs"), value: "running" },
    { label: "stopped", description: l10n.t("the machine has stopped"), value: "stopped" },
    text,
  ];
  const chosen = await vscode.window.showQuickPick(items, { title: l10n.t("Wait for what in {0}?", plain(name)) });
  if (chosen !== text) return chosen?.value;
  const wanted = await vscode.window.showInputBox({ title: l10n.t("Text on the serial console"), placeHolder: "login:" });
  return wanted === undefined || wanted === "" ? undefined : `serial:${wanted}`;
}
