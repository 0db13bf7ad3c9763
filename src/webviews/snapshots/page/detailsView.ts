import { l10n } from "../../ui/l10n.ts";
import { type Button, createButton } from "../../ui/page/button.ts";
import { element, setAttribute, setChildren, setText } from "../../ui/page/dom.ts";
import { type Comparison, presentId, type SnapshotAction, type SnapshotRow, type SnapshotsState } from "../messages.ts";
import { comparisonView } from "./comparisonView.ts";

interface DetailsEvents {
  action(action: SnapshotAction, row: SnapshotRow): void;
  take(disksOnly: boolean): void;
  console(): void;
  compare(left: string, right: string | undefined): void;
  /** Escape: back to the row. */
  leave(): void;
}

type Wanted = SnapshotAction | "take" | "takeDisksOnly" | "console";

/** Everything of the selected snapshot: its screen in large, its facts, what can be done with it, a comparison. */
export class DetailsView {
  readonly root: HTMLElement;
  readonly #events: DetailsEvents;
  readonly #screen = element("div", { class: "screen large" });
  readonly #name = element("h2", { id: "details-name" });
  readonly #age = element("p", { class: "age" });
  readonly #problem = element("div", { class: "banner warning", role: "note" });
  readonly #note = element("p", { class: "note" });
  readonly #facts = element("dl", { class: "facts" });
  readonly #buttons = new Map<Wanted, Button>();
  readonly #actions = element("div", { class: "actions", role: "group" });
  readonly #other: HTMLSelectElement;
  readonly #comparison = element("div", { class: "comparison", "aria-live": "polite" });
  #row: SnapshotRow | undefined;
  #compared: string | undefined;

  constructor(events: DetailsEvents) {
    this.#events = events;
    this.#other = element("select", { id: "compare-with" });
    this.#other.addEventListener("change", () => {
      if (this.#row) this.#events.compare(this.#row.id, this.#other.value === "" ? undefined : this.#other.value);
    });
    setAttribute(this.#actions, "aria-label", l10n.t("What can be done with it"));
    this.root = element(
      "section",
      { class: "details", "aria-labelledby": "details-name" },
      this.#screen,
      element("div", { class: "about" }, this.#name, this.#age, this.#problem, this.#note, this.#actions),
      this.#facts,
      element("div", { class: "compare" }, element("label", { for: "compare-with" }, l10n.t("Compare with")), this.#other),
      this.#comparison,
    );
    this.root.addEventListener("keydown", (event) => {
      if (event.key === "Escape") this.#events.leave();
    });
  }

  show(row: SnapshotRow, state: SnapshotsState): void {
    if (row.id !== this.#row?.id) {
      this.#screen.replaceChildren();
      this.comparison(undefined);
    }
    this.#row = row;
    this.root.dataset["kind"] = row.kind;
    setText(this.#name, row.name);
    setText(this.#age, row.taken === "" ? row.age : `${row.age} · ${row.taken}`);
    setText(this.#note, row.note ?? "");
    this.#note.hidden = row.note === undefined;
    setText(this.#problem, row.problem ?? "");
    this.#problem.hidden = row.problem === undefined;
    this.#showFacts(row);
    this.#showActions(row, state);
    this.#showOthers(row, state);
  }

  picture(png: string | null): void {
    this.#screen.replaceChildren(
      ...(png === null ? [] : [element("img", { src: `data:image/png;base64,${png}`, alt: l10n.t("The guest's screen") })]),
    );
  }

  /** The first thing one would do. */
  focus(): void {
    const first = this.#actions.querySelector<HTMLElement>("vscode-button:not([disabled])");
    first?.focus();
  }

  /** What is compared with, as the list of choices shows it. */
  compareWith(id: string | undefined): void {
    this.#compared = id;
    this.#other.value = id ?? "";
  }

  comparison(result: Comparison | { readonly problem: string } | undefined): void {
    if (result === undefined) {
      this.compareWith(undefined);
      this.#comparison.replaceChildren();
    } else if ("problem" in result) this.#comparison.replaceChildren(element("div", { class: "banner warning" }, result.problem));
    else this.#comparison.replaceChildren(...comparisonView(result));
  }

  #showFacts(row: SnapshotRow): void {
    const facts: (readonly [string, string | undefined])[] = [
      [l10n.t("Holds"), row.holds],
      [row.kind === "present" ? l10n.t("Changes") : l10n.t("Takes"), row.size === "" ? undefined : row.size],
      [l10n.t("Memory in it"), row.memory],
      [l10n.t("Layers below it"), row.layers === undefined ? undefined : String(row.layers)],
    ];
    this.#facts.replaceChildren(
      ...facts.flatMap(([name, value]) =>
        value === undefined ? [] : [element("div", { class: "fact" }, element("dt", {}, name), element("dd", {}, value))],
      ),
    );
  }

  #showActions(row: SnapshotRow, state: SnapshotsState): void {
    const busy = state.operation !== undefined;
    const wanted: readonly (readonly [Wanted, boolean])[] =
      row.kind === "present"
        ? [
            ["take", !busy && state.machine.whole],
            ...(state.machine.live && state.blocked.length === 0 ? [["takeDisksOnly", !busy] as const] : []),
            ...(state.machine.live ? [["console", true] as const] : []),
          ]
        : [
            ["restore", !busy && row.problem === undefined],
            ["restoreInto", !busy && row.problem === undefined],
            ...(row.kind === "memory" ? [["fork", !busy && row.problem === undefined] as const] : []),
            ["clone", !busy && row.problem === undefined],
            ["export", !busy && row.problem === undefined],
            ["rename", true],
            ["note", true],
            ["remove", !busy],
            ...(row.hasChildren ? [["removeBranch", !busy] as const] : []),
          ];
    setChildren(
      this.#actions,
      wanted.map(([what, enabled]) => {
        const button = this.#button(what);
        button.disable(!enabled);
        return button.root;
      }),
    );
  }

  #button(what: Wanted): Button {
    const known = this.#buttons.get(what);
    if (known) return known;
    const made = createButton(label(what), () => this.#press(what), { primary: what === "restore" || what === "take" });
    made.root.id = `action-${what}`;
    this.#buttons.set(what, made);
    return made;
  }

  #press(what: Wanted): void {
    if (what === "take" || what === "takeDisksOnly") this.#events.take(what === "takeDisksOnly");
    else if (what === "console") this.#events.console();
    else if (this.#row) this.#events.action(what, this.#row);
  }

  #showOthers(row: SnapshotRow, { rows }: SnapshotsState): void {
    const others = rows.filter(({ id }) => id !== row.id);
    const options = [{ id: "", name: "–" }, ...others.filter(({ id }) => id === presentId), ...others.filter(({ id }) => id !== presentId)];
    const wanted = JSON.stringify(options.map(({ id, name }) => [id, name]));
    if (this.#other.dataset["options"] !== wanted) {
      this.#other.dataset["options"] = wanted;
      this.#other.replaceChildren(...options.map(({ id, name }) => element("option", { value: id }, name)));
    }
    this.#other.value = this.#compared ?? "";
    this.#other.disabled = others.length === 0;
    (this.#other.parentElement as HTMLElement).hidden = others.length === 0;
  }
}

function label(what: Wanted): string {
  switch (what) {
    case "take":
      return l10n.t("Take Snapshot…");
    case "takeDisksOnly":
      return l10n.t("Disks Only…");
    case "console":
      return l10n.t("Open Console");
    case "restore":
      return l10n.t("Restore");
    case "restoreInto":
      return l10n.t("Into New Machine…");
    case "fork":
      return l10n.t("Fork From Here…");
    case "clone":
      return l10n.t("Clone…");
    case "export":
      return l10n.t("Export…");
    case "rename":
      return l10n.t("Rename…");
    case "note":
      return l10n.t("Note…");
    case "remove":
      return l10n.t("Remove");
    case "removeBranch":
      return l10n.t("Remove Branch");
    case "undoRemove":
      return l10n.t("Undo");
  }
}
