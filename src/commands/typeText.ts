import * as vscode from "vscode";
import type { MachineSummary } from "../api/index.ts";
import { isRunning, plain, withCancellableProgress } from "../editor/index.ts";
import { type Command, oneVerb, type Work } from "./command.ts";

const { l10n } = vscode;

const target = { title: () => l10n.t("Machine to type into"), fits: isRunning, none: () => l10n.t("No machine is running.") };

/** Types text on the guest's keyboard, for guests that have no clipboard. */
export const typeText: Command = oneVerb({
  ...target,
  async run(work, machine, given, layout) {
    const text =
      typeof given === "string"
        ? given
        : await vscode.window.showInputBox({
            title: l10n.t("Type into {0}", plain(machine.name)),
            prompt: l10n.t("Nothing is pressed after the last character. The guest's keyboard layout: {0} (a setting).", layoutSetting()),
          });
    return text === undefined || text === "" ? undefined : type(work, machine, text, typeof layout === "string" ? layout : layoutSetting());
  },
});

/** The same with what the clipboard has. */
export const typeClipboard: Command = oneVerb({
  ...target,
  async run(work, machine) {
    const text = await vscode.env.clipboard.readText();
    if (text !== "") return type(work, machine, text, layoutSetting());
    void vscode.window.showInformationMessage(l10n.t("The clipboard has no text."));
    return undefined;
  },
});

/** Of the guest: keys are pressed, and their letters are the guest's to choose. */
function layoutSetting(): string {
  return vscode.workspace.getConfiguration("vivarium").get<string>("keyboardLayout", "en-us");
}

async function type({ editor }: Work, machine: MachineSummary, text: string, layout: string): Promise<number> {
  const { characters } = await withCancellableProgress(l10n.t("Typing into {0}", plain(machine.name)), (options) =>
    editor.service.call("machine.typeText", { machine: machine.id, text, layout }, options),
  );
  return characters;
}
