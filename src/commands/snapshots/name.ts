import * as vscode from "vscode";
import type { SnapshotView } from "../../api/index.ts";

const { l10n } = vscode;

/** The model's rule for names (model/snapshots.ts); its own module would load every schema. */
const namePattern = /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/;

/** `s4` when three were made: as the service names them. */
export function suggestSnapshotName(snapshots: readonly Pick<SnapshotView, "name" | "removedAt">[]): string {
  const taken = namesOf(snapshots);
  for (let number = 1; ; number += 1) if (!taken.has(`s${number}`)) return `s${number}`;
}

/** Why a text cannot be a snapshot's name; undefined: it can. */
export function snapshotNameProblem(text: string, taken: ReadonlySet<string>): string | undefined {
  if (!namePattern.test(text)) return l10n.t("Begin with a letter or digit; then up to 62 letters, digits, dots, dashes and underscores.");
  if (taken.has(text)) return l10n.t("There is a snapshot “{0}” already.", text);
  return undefined;
}

export function namesOf(snapshots: readonly Pick<SnapshotView, "name" | "removedAt">[]): Set<string> {
  return new Set(snapshots.filter(({ removedAt }) => removedAt === null).map(({ name }) => name));
}

/** `before-upgrade kernel 6.12` is a name and its note. */
export function nameAndNote(text: string): { readonly name: string; readonly note: string | undefined } {
  const [name = "", ...words] = text.trim().split(/\s+/);
  const note = words.join(" ");
  return { name, note: note === "" ? undefined : note };
}
