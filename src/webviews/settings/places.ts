import { type Field, fieldAt, fields } from "./fields.ts";
import { l10n } from "./l10n.ts";
import { valueAt } from "./paths.ts";

/** Where the rows of the table stand in a document, and how its values are worded. */

export interface Place {
  readonly field: Field;
  readonly path: string;
}

/** Every field with its place in these values: a row with `*` once for each item of its list. */
export function places(values: unknown): Place[] {
  return fields.flatMap((field) => expand(values, field.path).map((path) => ({ field, path })));
}

function expand(values: unknown, path: string): string[] {
  const star = path.indexOf("*");
  if (star < 0) return [path];
  const list = valueAt(values, path.slice(0, star - 1));
  if (!Array.isArray(list)) return [];
  return list.flatMap((_, index) => expand(values, `${path.slice(0, star)}${index}${path.slice(star + 1)}`));
}

/** A value as the form words it. */
export function words(path: string, value: unknown): string {
  if (value === undefined || value === "") return l10n.t("nothing");
  if (typeof value === "boolean") return value ? l10n.t("on") : l10n.t("off");
  if (Array.isArray(value)) {
    if (value.every((item) => typeof item !== "object")) return value.map((item) => words(path, item)).join(", ") || l10n.t("nothing");
    return value.length === 1 ? l10n.t("one entry") : l10n.t("{0} entries", value.length);
  }
  if (typeof value === "object") return l10n.t("other values");
  const control = fieldAt(path)?.control;
  const choices = control?.kind === "choice" || control?.kind === "order" ? control.choices : [];
  const label = choices.find((choice) => choice.value === value)?.label;
  return label === undefined ? String(value) : l10n.t(label);
}
