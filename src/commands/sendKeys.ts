import * as vscode from "vscode";
import { isRunning, plain } from "../editor/index.ts";
import { type Command, oneVerb } from "./command.ts";
import { pickOrType } from "./pickOrType.ts";

const { l10n } = vscode;

/** Combinations that the host or the editor would keep for itself. */
const combinations: readonly (readonly [keys: string, what: () => string])[] = [
  ["ctrl-alt-delete", () => l10n.t("log in (Windows), restart (Linux)")],
  ["ctrl-alt-backspace", () => l10n.t("end the X server")],
  ["ctrl-alt-f1", () => l10n.t("first screen of Linux")],
  ["ctrl-alt-f2", () => l10n.t("second screen of Linux")],
  ["ctrl-alt-f3", () => l10n.t("third screen of Linux")],
  ["alt-tab", () => l10n.t("next window")],
  ["alt-f4", () => l10n.t("close the window")],
  ["meta", () => l10n.t("menu of the desktop")],
  ["meta-r", () => l10n.t("run (Windows)")],
  ["meta-l", () => l10n.t("lock")],
  ["print", () => l10n.t("print screen")],
  ["esc", () => l10n.t("escape")],
  ["enter", () => l10n.t("enter")],
];

/** Presses keys together in the guest: a common combination, or any that is typed. */
export const sendKeys: Command = oneVerb({
  title: () => l10n.t("Machine to send keys to"),
  fits: isRunning,
  none: () => l10n.t("No machine is running."),
  async run({ editor }, machine, given) {
    const text =
      typeof given === "string"
        ? given
        : await pickOrType({
            title: l10n.t("Send keys to {0}", plain(machine.name)),
            placeHolder: l10n.t("Pick a combination or type one, such as ctrl-alt-f5; several with spaces"),
            choices: combinations.map(([label, what]) => ({ label, description: what() })),
            problem: (typed) =>
              /^[a-z0-9+\- ]+$/i.test(typed) ? undefined : l10n.t("Write keys joined by dashes, such as ctrl-alt-delete."),
          });
    if (text === undefined) return undefined;
    await editor.service.call("machine.sendKeys", { machine: machine.id, keys: text.trim().split(/\s+/) });
    return text;
  },
});
