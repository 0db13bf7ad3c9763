import * as vscode from "vscode";
import { canResume } from "../editor/index.ts";
import { type Command, manyVerb } from "./command.ts";

const { l10n } = vscode;

/** Continues a paused machine, wakes a suspended one. */
export const resume: Command = manyVerb({
  title: () => l10n.t("Machines to resume"),
  fits: canResume,
  none: () => l10n.t("No machine is paused or suspended."),
  doing: (names) => l10n.t("Resuming {0}", names),
  run: ({ editor }, machine, options) => editor.service.call("machine.resume", { machine: machine.id }, options),
});
