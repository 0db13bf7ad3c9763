import * as vscode from "vscode";
import { nameProblem } from "../name.ts";

const { l10n } = vscode;

/** Why a text cannot be a template's name; undefined: it can. Templates are named as machines are, and beside them. */
export function templateNameProblem(text: string, taken: ReadonlySet<string>): string | undefined {
  return nameProblem(text, new Set()) ?? (taken.has(text) ? l10n.t("There is a template “{0}” already.", text) : undefined);
}
