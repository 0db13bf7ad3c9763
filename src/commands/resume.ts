import * as vscode from "vscode";
import { canResume } from "../editor/index.ts";
import { type Command, manyVerb } from "./command.ts";

const { t } = vscode.l10n;

/** Continues a paused machine, wakes a suspended one. */
export const resume: Command = manyVerb({
  title: () => t("Machines to resume"),
  fits: canResume,
  none: () => t("No machine is paused or suspended."),
  doing: (names) => t("Resuming {0}", names),
  run: ({ editor }, machine, options) => editor.service.call("machine.resume", { machine: machine.id }, options),
});
