import * as vscode from "vscode";
import type { Editor } from "../../editor/index.ts";
import { nameProblem, suggestName } from "../name.ts";
import { nameSource } from "./guestStep.ts";
import type { Guest } from "./plan.ts";
import { type Answer, type StepPlace, textStep } from "./step.ts";

const { l10n } = vscode;

/** What to do with the name: start at once is the default, the buttons do something else first. */
export interface Named {
  readonly name: string;
  readonly next: "start" | "only create" | "network" | "first boot";
}

/** The name is filled in: Enter makes and starts the machine. */
export function nameStep(editor: Editor, guest: Guest, before: string | undefined, place: StepPlace): Promise<Answer<Named>> {
  const taken = new Set(editor.machines.all.map(({ name }) => name));
  return textStep<Named>((current) => ({
    ...place,
    value: before ?? suggestName(nameSource(guest), taken),
    prompt: l10n.t("Enter creates and starts it. The buttons above ask for more first, or create it without starting."),
    problem: (text) => nameProblem(text, taken),
    accept: (name) => ({ name, next: "start" }),
    buttons: [
      ...(guest.from === "image"
        ? [
            {
              iconPath: new vscode.ThemeIcon("account"),
              tooltip: l10n.t("Customize First Boot…"),
              answer: () => ({ name: current(), next: "first boot" as const }),
            },
          ]
        : []),
      {
        iconPath: new vscode.ThemeIcon("globe"),
        tooltip: l10n.t("Choose the Network…"),
        answer: () => ({ name: current(), next: "network" }),
      },
      {
        iconPath: new vscode.ThemeIcon("save"),
        tooltip: l10n.t("Create Without Starting"),
        answer: () => ({ name: current(), next: "only create" }),
      },
    ],
  }));
}
