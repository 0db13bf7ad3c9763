import { sizeText } from "../../../model/index.ts";
import { l10n } from "../../ui/l10n.ts";
import { createButton } from "../../ui/page/button.ts";
import { element, setAttribute, setChildren, setText } from "../../ui/page/dom.ts";
import type { Input } from "../check.ts";
import type { Choice, Field } from "../fields.ts";

/** The controls of the form, one for each kind of field. Native elements: they carry names, states and keys by themselves. */

export interface ControlEvents {
  /** Something was typed, and more may come. */
  typed(input: Input): void;
  /** The person has made up their mind. */
  chosen(input: Input): void;
  browse(): void;
}

export interface ControlView {
  readonly root: HTMLElement;
  /** What `label`, problems and badges belong to. */
  readonly target: HTMLElement;
  show(value: unknown): void;
  disable(disabled: boolean): void;
  /** Choices this host does not have. */
  missing?(reasons: Readonly<Record<string, string>>): void;
}

export function createControl(field: Field, id: string, events: ControlEvents): ControlView {
  const { control } = field;
  switch (control.kind) {
    case "fact":
      return fact(id);
    case "toggle":
      return toggle(id, events);
    case "choice":
      return choice(id, control.choices, events);
    case "order":
      return order(id, control.choices, events);
    case "file":
    case "folder":
      return withBrowse(
        textControl(element("input", { id, type: "text", spellcheck: "false", autocomplete: "off" }), events),
        field,
        events,
      );
    case "number":
      return textControl(element("input", { id, type: "text", inputmode: "numeric", class: "short", autocomplete: "off" }), events);
    case "rate": {
      const input = element("input", { id, type: "text", class: "short", spellcheck: "false", autocomplete: "off" });
      const view = textControl(input, events);
      return { ...view, show: (value) => view.show(typeof value === "number" ? sizeText(value) : value) };
    }
    case "size":
      return textControl(element("input", { id, type: "text", class: "short", spellcheck: "false", autocomplete: "off" }), events);
    case "text":
      if (control.lines) return textControl(element("textarea", { id, rows: String(control.lines) }), events);
      return withSuggestions(element("input", { id, type: "text", spellcheck: "false", autocomplete: "off" }), control.suggestions, events);
  }
}

function fact(id: string): ControlView {
  const root = element("span", { id, class: "fact" });
  return { root, target: root, show: (value) => setText(root, value === undefined ? "–" : String(value)), disable: () => undefined };
}

function textControl(input: HTMLInputElement | HTMLTextAreaElement, events: ControlEvents): ControlView {
  input.addEventListener("input", () => events.typed(input.value));
  input.addEventListener("change", () => events.chosen(input.value));
  return {
    root: input,
    target: input,
    show: (value) => setInputValue(input, value === undefined ? "" : String(value)),
    disable: (disabled) => {
      // Read-only, not disabled: the value can still be reached, read and copied.
      input.readOnly = disabled;
    },
  };
}

/** Keeps the caret where it is, as far as the new text goes. */
function setInputValue(input: HTMLInputElement | HTMLTextAreaElement, value: string): void {
  if (input.value === value) return;
  const { selectionStart, selectionEnd, selectionDirection } = input;
  input.value = value;
  if (document.activeElement === input && selectionStart !== null && selectionEnd !== null) {
    input.setSelectionRange(Math.min(selectionStart, value.length), Math.min(selectionEnd, value.length), selectionDirection ?? "none");
  }
}

function withSuggestions(input: HTMLInputElement, suggestions: readonly string[] | undefined, events: ControlEvents): ControlView {
  const view = textControl(input, events);
  if (!suggestions) return view;
  const list = element("datalist", { id: `${input.id}-suggestions` }, ...suggestions.map((value) => element("option", { value })));
  input.setAttribute("list", list.id);
  return { ...view, root: element("div", { class: "suggesting" }, input, list) };
}

function withBrowse(view: ControlView, field: Field, events: ControlEvents): ControlView {
  const button = createButton(l10n.t("Browse…"), () => events.browse(), { name: l10n.t("Browse for {0}", l10n.t(field.label)) });
  return {
    ...view,
    root: element("div", { class: "with-button" }, view.root, button.root),
    disable: (disabled) => {
      view.disable(disabled);
      button.disable(disabled);
    },
  };
}

function toggle(id: string, events: ControlEvents): ControlView {
  const input = element("input", { id, type: "checkbox" });
  input.addEventListener("change", () => events.chosen(input.checked));
  return {
    root: input,
    target: input,
    show: (value) => {
      input.checked = value === true;
    },
    disable: (disabled) => {
      input.disabled = disabled;
    },
  };
}

function choice(id: string, choices: readonly Choice[], events: ControlEvents): ControlView {
  const select = element("select", { id }, ...choices.map(({ value, label }) => element("option", { value }, l10n.t(label))));
  select.addEventListener("change", () => events.chosen(select.value));
  let shown: unknown;
  return {
    root: element("div", { class: "select" }, select),
    target: select,
    show: (value) => {
      shown = value;
      // A value that is no choice is still shown: its problem stands below.
      select.querySelector("option[data-foreign]")?.remove();
      const text = value === undefined ? "" : String(value);
      if (!choices.some((one) => one.value === text)) select.append(element("option", { value: text, "data-foreign": true }, text));
      if (select.value !== text) select.value = text;
    },
    disable: (disabled) => {
      select.disabled = disabled;
    },
    missing: (reasons) => {
      for (const [index, { value, label }] of choices.entries()) {
        const option = select.options[index];
        if (!option) continue;
        const gone = reasons[value] !== undefined;
        setText(option, gone ? l10n.t("{0} (not on this host)", l10n.t(label)) : l10n.t(label));
        option.disabled = gone && shown !== value;
      }
    },
  };
}

function order(id: string, choices: readonly Choice[], events: ControlEvents): ControlView {
  let current: readonly string[] = [];
  let isDisabled = false;
  const list = element("ol", { id, class: "order" });
  const news = element("p", { class: "visually-hidden", role: "status" });
  const change = (next: readonly string[]) => events.chosen(next);
  const rows = new Map(
    choices.map((one) => [
      one.value,
      orderRow(id, one, {
        toggle: () => change(current.includes(one.value) ? current.filter((value) => value !== one.value) : [...current, one.value]),
        move: (by) => {
          const next = moved(current, one.value, by);
          setText(news, l10n.t("{0}: {1} of {2}", l10n.t(one.label), next.indexOf(one.value) + 1, next.length));
          change(next);
        },
      }),
    ]),
  );
  const paint = () => {
    const focused = document.activeElement;
    const sorted = [...choices].sort((left, right) => place(current, left.value) - place(current, right.value));
    setChildren(
      list,
      sorted.flatMap(({ value }) => rows.get(value)?.root ?? []),
    );
    for (const [value, row] of rows) row.show({ position: current.indexOf(value), count: current.length, disabled: isDisabled });
    // A row that changed its place lost the keyboard.
    if (focused instanceof HTMLElement && list.contains(focused) && document.activeElement !== focused) focused.focus();
  };
  return {
    root: element("div", {}, list, news),
    target: list,
    show: (value) => {
      current = Array.isArray(value) ? value.filter((one): one is string => typeof one === "string") : [];
      paint();
    },
    disable: (disabled) => {
      isDisabled = disabled;
      paint();
    },
  };
}

function place(current: readonly string[], value: string): number {
  const index = current.indexOf(value);
  return index < 0 ? current.length : index;
}

function moved(current: readonly string[], value: string, by: number): string[] {
  const rest = current.filter((one) => one !== value);
  rest.splice(current.indexOf(value) + by, 0, value);
  return rest;
}

function orderRow(listId: string, { value, label }: Choice, events: { toggle(): void; move(by: number): void }) {
  const id = `${listId}-${value}`;
  const box = element("input", { id, type: "checkbox" });
  box.addEventListener("change", () => events.toggle());
  const arrow = (by: number, path: string, name: string) => {
    const button = element("button", { type: "button", class: "icon", "aria-label": name, title: name }, icon(path));
    button.addEventListener("click", () => {
      if (button.getAttribute("aria-disabled") !== "true") events.move(by);
    });
    return button;
  };
  const up = arrow(-1, "M8 3.5 3.5 8l.7.7L7.5 5.4V13h1V5.4l3.3 3.3.7-.7z", l10n.t("Move {0} up", l10n.t(label)));
  const down = arrow(1, "M8 12.5 12.5 8l-.7-.7-3.3 3.3V3h-1v7.6L4.2 7.3 3.5 8z", l10n.t("Move {0} down", l10n.t(label)));
  const root = element("li", {}, box, element("label", { for: id }, l10n.t(label)), up, down);
  // As VS Code moves lines; the arrows are for the mouse and for whoever does not know that.
  root.addEventListener("keydown", (event) => {
    const arrow = event.altKey && { ArrowUp: up, ArrowDown: down }[event.key];
    if (!arrow) return;
    event.preventDefault();
    arrow.click();
  });
  const show = ({ position, count, disabled }: { position: number; count: number; disabled: boolean }) => {
    box.checked = position >= 0;
    box.disabled = disabled;
    // aria-disabled, not disabled: a row that has come to the end keeps the keyboard.
    setAttribute(up, "aria-disabled", disabled || position <= 0 ? "true" : "false");
    setAttribute(down, "aria-disabled", disabled || position < 0 || position === count - 1 ? "true" : "false");
  };
  return { root, show };
}

/** A 16-pixel glyph in the text's colour, hidden from screen readers. */
export function icon(path: string): SVGSVGElement {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  for (const [name, value] of Object.entries({
    viewBox: "0 0 16 16",
    width: "16",
    height: "16",
    "aria-hidden": "true",
    fill: "currentColor",
  }))
    svg.setAttribute(name, value);
  const shape = document.createElementNS("http://www.w3.org/2000/svg", "path");
  shape.setAttribute("d", path);
  svg.append(shape);
  return svg;
}
