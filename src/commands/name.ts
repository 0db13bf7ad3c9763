import * as vscode from "vscode";

const { l10n } = vscode;

/** The model's rule for names (model/definition.ts); its own module would load every schema. */
const namePattern = /^[a-z][a-z0-9-]{0,40}$/;

/** Why a text cannot be a machine's name; undefined: it can. */
export function nameProblem(text: string, taken: ReadonlySet<string>): string | undefined {
  if (!namePattern.test(text)) return l10n.t("Use a lower-case letter, then up to 40 lower-case letters, digits and dashes.");
  if (taken.has(text)) return l10n.t("There is a machine “{0}” already.", text);
  return undefined;
}

/** `Debian 12.5 (netinst).iso` → `debian-12-5-netinst`; a number is added while it is taken. */
export function suggestName(from: string, taken: ReadonlySet<string>): string {
  const base = from
    .toLowerCase()
    .replace(/\.[a-z0-9]{1,5}$/, "")
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/^[^a-z]+|-+$/g, "")
    .slice(0, 36)
    .replace(/-+$/, "");
  const name = base === "" ? "machine" : base;
  if (!taken.has(name)) return name;
  for (let number = 2; ; number += 1) if (!taken.has(`${name}-${number}`)) return `${name}-${number}`;
}
