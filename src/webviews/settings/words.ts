import { sizeText, valueText } from "../../model/index.ts";
import { l10n } from "../ui/l10n.ts";
import { fieldAt } from "./fields.ts";

/** A value as the form words it. */
export function words(path: string, value: unknown): string {
  if (value === undefined || value === "" || (Array.isArray(value) && value.length === 0)) return l10n.t("nothing");
  if (typeof value === "boolean") return value ? l10n.t("on") : l10n.t("off");
  if (Array.isArray(value) && value.every((item) => typeof item !== "object")) return value.map((item) => words(path, item)).join(", ");
  if (typeof value === "object") return valueText(value);
  const control = fieldAt(path)?.control;
  if (control?.kind === "rate" && typeof value === "number") return `${sizeText(value)}/s`;
  const choices = control?.kind === "choice" || control?.kind === "order" ? control.choices : [];
  const label = choices.find((choice) => choice.value === value)?.label;
  return label === undefined ? String(value) : l10n.t(label);
}
