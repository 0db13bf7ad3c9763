import * as vscode from "vscode";
import { isRunning, plain } from "../editor/index.ts";
import { type Command, oneVerb } from "./command.ts";
import { pickOrType } from "./pickOrType.ts";

const { t } = vscode.l10n;

/** Combinations that the host or the editor would keep for itself. */
const combinations: readonly (readonly [keys: string, what: () => string])[] = [
  ["ctrl-alt-delete", () => t("log in (Windows), restart (Linux)")],
  ["ctrl-alt-backspace", () => t("end the X server")],
  ["ctrl-alt-f1", () => t("first screen of Linux")],
  ["ctrl-alt-f2", () => t("second screen of Linux")],
  ["ctrl-alt-f3", () => t("third screen of Linux")],
  ["alt-tab", () => t("next window")],
  ["alt-f4", () => t("close the window")],
  ["meta", () => t("menu of the desktop")],
  ["meta-r", () => t("run (Windows)")],
  ["meta-l", () => t("lock")],
  ["print", () => t("print screen")],
  ["esc", () => t("escape")],
  ["enter", () => t("enter")],
];

/** Presses keys together in the guest: a common combination, or any that is typed. */
export const sendKeys: Command = oneVerb({
  title: () => t("Machine to send keys to"),
  fits: isRunning,
  none: () => t("No machine is running."),
  async run({ editor }, machine, given) {
    const text =
      typeof given === "string"
        ? given
        : await pickOrType({
            title: t("Send keys to {0}", plain(machine.name)),
            placeHolder: t("Pick a combination or type one, such as ctrl-alt-f5; several with spaces"),
            choices: combinations.map(([label, what]) => ({ label, description: what() })),
            problem: (typed) => (/^[a-z0-9+\- ]+$/i.test(typed) ? undefined : t("Write keys joined by dashes, such as ctrl-alt-delete.")),
          });
    if (text === undefined) return undefined;
    await editor.service.call("machine.sendKeys", { machine: machine.id, keys: text.trim().split(/\s+/) });
    return text;
  },
});
