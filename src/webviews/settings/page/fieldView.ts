import { l10n } from "../../ui/l10n.ts";
import { element, idOf, setAttribute, setText } from "../../ui/page/dom.ts";
import type { Badge } from "../badges.ts";
import type { Input } from "../check.ts";
import type { Field } from "../fields.ts";
import type { FieldNote } from "../messages.ts";
import { type ControlEvents, createControl } from "./controls.ts";

/** One field: name, badge, help, control, and what is wrong with its value. */
export interface FieldView {
  readonly root: HTMLElement;
  readonly target: HTMLElement;
  show(shown: ShownField): void;
}

export interface ShownField {
  /** The document's value, or the default that stands for it. */
  readonly value: unknown;
  /** What was typed and is not in the document. */
  readonly draft?: Input | undefined;
  readonly note: FieldNote;
  /** What the draft is told. */
  readonly refusal?: string | undefined;
  readonly disabled: boolean;
}

export interface FieldEvents extends ControlEvents {
  /** Away with what was typed. */
  discard(): void;
}

export function createField(field: Field, path: string, events: FieldEvents, accessory?: HTMLElement): FieldView {
  const id = idOf(path);
  const kind = field.control.kind;
  const control = createControl(field, id, events);
  const isGroup = kind === "order" || kind === "fact";
  const label = isGroup
    ? element("span", { id: `${id}-label`, class: "label" }, l10n.t(field.label))
    : element("label", { for: id, class: "label" }, l10n.t(field.label));
  if (isGroup) setAttribute(control.target, "aria-labelledby", label.id);
  if (kind === "order") setAttribute(control.target, "role", "list");
  const badge = element("span", { id: `${id}-badge`, class: "badge", hidden: true });
  const help = element("p", { id: `${id}-help`, class: "help", hidden: !field.help }, field.help ? l10n.t(field.help) : "");
  const reason = element("p", { id: `${id}-reason`, class: "help reason", hidden: true });
  const problemText = element("span");
  const back = element("button", { type: "button", class: "link", hidden: true }, l10n.t("Undo"));
  const problem = element("p", { id: `${id}-problem`, class: "problem", hidden: true }, problemText, " ", back);
  const live = element("div", { class: "live", "aria-live": "polite" }, problem);
  back.addEventListener("click", () => {
    events.discard();
    control.target.focus();
  });
  control.target.addEventListener("keydown", (event) => {
    const undoes = event.key === "Escape" || (event.key === "z" && (event.ctrlKey || event.metaKey) && !event.shiftKey);
    // With nothing typed the key is VS Code's: its undo takes back the last change of the document.
    if (!undoes || !root.hasAttribute("data-draft")) return;
    event.preventDefault();
    event.stopPropagation();
    events.discard();
  });
  const head =
    kind === "toggle" ? element("div", { class: "head" }, control.root, label, badge) : element("div", { class: "head" }, label, badge);
  const body = kind === "toggle" ? [] : accessory ? [element("div", { class: "with-button" }, control.root, accessory)] : [control.root];
  const root = element(
    "div",
    { class: `field kind-${kind}${field.wide ? " wide" : ""}`, "data-path": path },
    head,
    help,
    reason,
    ...body,
    live,
  );
  return {
    root,
    target: control.target,
    show({ value, draft, note, refusal, disabled }) {
      setAttribute(root, "data-draft", draft !== undefined);
      control.show(draft ?? value);
      control.missing?.(note.missingChoices ?? {});
      // What does not exist here can be turned off, not on.
      control.disable(disabled || (kind === "toggle" && note.badge?.kind === "not-here" && value !== true));
      showBadge(badge, root, note.badge);
      const why = reasonText(field, note);
      setText(reason, why);
      reason.hidden = why === "";
      const error = refusal ?? (draft === undefined ? note.problem : undefined);
      const said = error ?? note.warning ?? "";
      setText(problemText, said);
      problem.hidden = said === "";
      back.hidden = error === undefined || draft === undefined;
      setAttribute(root, "data-level", error !== undefined ? "error" : note.warning !== undefined ? "warning" : undefined);
      if (kind !== "fact") setAttribute(control.target, "aria-invalid", error === undefined ? undefined : "true");
      const described = [
        help.hidden ? "" : help.id,
        reason.hidden ? "" : reason.id,
        badge.hidden ? "" : badge.id,
        problem.hidden ? "" : problem.id,
      ].filter((part) => part !== "");
      setAttribute(control.target, "aria-describedby", described.length > 0 ? described.join(" ") : undefined);
    },
  };
}

function showBadge(target: HTMLElement, root: HTMLElement, badge: Badge | undefined): void {
  target.hidden = badge === undefined;
  setAttribute(target, "data-kind", badge?.kind);
  const isPending = badge?.kind === "restart" && badge.pending;
  setAttribute(root, "data-pending", isPending);
  setText(target, badge === undefined ? "" : badgeText(badge));
}

function badgeText(badge: Badge): string {
  switch (badge.kind) {
    case "now":
      return l10n.t("Applies now");
    case "restart":
      return badge.pending ? l10n.t("Waits for a restart") : l10n.t("After restart");
    case "not-here":
      return l10n.t("Not on this host");
  }
}

function reasonText({ control }: Field, { badge, missingChoices = {} }: FieldNote): string {
  if (badge?.kind === "not-here" && badge.reason !== "") return badge.reason;
  if (control.kind !== "choice") return "";
  const gone = control.choices.flatMap(({ value, label }) => (missingChoices[value] ? [`${l10n.t(label)}: ${missingChoices[value]}`] : []));
  return gone.length === 0 ? "" : l10n.t("Not on this host: {0}", gone.join(" "));
}
