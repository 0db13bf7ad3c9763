import * as vscode from "vscode";
import { plain } from "../../editor/index.ts";
import type { Command } from "../command.ts";
import { templateNameProblem } from "./name.ts";
import { templateVerb } from "./pick.ts";

const { l10n } = vscode;

/** A name that somebody gave keeps one that a fork made on the way. */
export const renameTemplate: Command = templateVerb({
  title: () => l10n.t("Template to rename"),
  async run({ editor }, template, given) {
    const taken = new Set(editor.templates.all.map(({ name }) => name));
    taken.delete(template.name);
    const name =
      typeof given === "string"
        ? given
        : await vscode.window.showInputBox({
            title: l10n.t("Rename the Template {0}", plain(template.name)),
            value: template.name,
            validateInput: (text) => templateNameProblem(text, taken),
          });
    if (name === undefined || name === template.name) return undefined;
    return editor.service.call("template.edit", { template: template.id, name });
  },
});

export const noteTemplate: Command = templateVerb({
  title: () => l10n.t("Template whose note to change"),
  async run({ editor }, template, given) {
    const note =
      typeof given === "string"
        ? given
        : await vscode.window.showInputBox({
            title: l10n.t("Note of the Template {0}", plain(template.name)),
            value: template.note ?? "",
            prompt: l10n.t("Empty: no note"),
            validateInput: (text) => (text.length > 2000 ? l10n.t("A note has at most 2000 characters.") : undefined),
          });
    if (note === undefined || note === (template.note ?? "")) return undefined;
    return editor.service.call("template.edit", { template: template.id, note });
  },
});
