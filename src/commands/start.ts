import * as vscode from "vscode";
import { canStart } from "../editor/index.ts";
import { type Command, manyVerb } from "./command.ts";
import { sayTheyStay } from "./theyStay.ts";

const { t } = vscode.l10n;

/** Boots a machine, or wakes a suspended one. */
export const start: Command = manyVerb({
  title: () => t("Machines to start"),
  fits: canStart,
  none: () => t("Every machine runs already."),
  doing: (names) => t("Starting {0}", names),
  run: ({ editor }, machine, options) => editor.service.call("machine.start", { machine: machine.id }, options),
  after: ({ editor }) => sayTheyStay(editor),
});
