import * as vscode from "vscode";
import { canStart } from "../editor/index.ts";
import { type Command, manyVerb } from "./command.ts";
import { offerLastGood } from "./templates/lastGood.ts";
import { sayTheyStay } from "./theyStay.ts";

const { l10n } = vscode;

/** Boots a machine, or wakes a suspended one. */
export const start: Command = manyVerb({
  title: () => l10n.t("Machines to start"),
  fits: canStart,
  none: () => l10n.t("Every machine runs already."),
  doing: (names) => l10n.t("Starting {0}", names),
  run: ({ editor }, machine, options) => editor.service.call("machine.start", { machine: machine.id }, options),
  after: ({ editor }) => sayTheyStay(editor),
  offers: offerLastGood,
});
