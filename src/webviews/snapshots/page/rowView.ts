import { l10n } from "../../ui/l10n.ts";
import { element, setAttribute, setText } from "../../ui/page/dom.ts";
import type { SnapshotRow } from "../messages.ts";
import { lanesOf, laneWidth, nodeOf } from "./lanes.ts";

/** One row of the graph: its lanes, the guest's screen then, and what one wants to know at a glance. */
export class RowView {
  readonly root: HTMLElement;
  #row: SnapshotRow;
  readonly #gutter = element("div", { class: "gutter" });
  readonly #node = element("span");
  readonly #screen = element("div", { class: "screen" });
  readonly #name = element("span", { class: "name" });
  readonly #badges = element("span", { class: "badges" });
  readonly #age = element("span", { class: "age" });
  readonly #note = element("div", { class: "note" });
  readonly #facts = element("div", { class: "facts" });
  readonly #bar = element("div", { class: "share", "aria-hidden": "true" }, element("div", { class: "share-fill" }));
  #drawn = "";

  constructor(row: SnapshotRow) {
    this.#row = row;
    this.#gutter.append(this.#node);
    this.root = element(
      "div",
      { class: "row", role: "treeitem", tabindex: "-1", "data-id": row.id },
      this.#gutter,
      this.#screen,
      element(
        "div",
        { class: "words" },
        element("div", { class: "title" }, this.#name, this.#badges, this.#age),
        this.#note,
        this.#facts,
        this.#bar,
      ),
    );
  }

  get row(): SnapshotRow {
    return this.#row;
  }

  show(row: SnapshotRow, lanes: number, machine: string): void {
    this.#row = row;
    const { root } = this;
    root.dataset["kind"] = row.kind;
    setAttribute(root, "aria-level", String(row.graph.level));
    setAttribute(root, "aria-posinset", String(row.graph.position));
    setAttribute(root, "aria-setsize", String(row.graph.siblings));
    setAttribute(root, "aria-expanded", row.graph.goesOn ? "true" : undefined);
    setAttribute(root, "aria-current", row.kind === "present" ? "true" : undefined);
    // VS Code's own menu on the row; its commands get this as the tree's rows are given.
    const context = {
      webviewSection: row.kind === "present" ? "present" : "snapshot",
      kind: "snapshot",
      machine,
      snapshot: { id: row.id },
    };
    const menu = row.kind === "present" ? { webviewSection: "present", machine } : { ...context, hasChildren: row.hasChildren };
    root.dataset["vscodeContext"] = JSON.stringify({ ...menu, preventDefaultContextMenuItems: true });
    setText(this.#name, row.name);
    this.#showBadges();
    setText(this.#age, row.age);
    setAttribute(this.#age, "title", row.taken === "" ? undefined : row.taken);
    setText(this.#note, (row.note ?? "").split("\n")[0] ?? "");
    setText(this.#facts, [row.size, row.holds].filter((part) => part !== "").join(" · "));
    this.#bar.hidden = row.share === 0;
    (this.#bar.firstElementChild as HTMLElement).style.width = `${Math.max(1, Math.round(row.share * 100))}%`;
    this.#showGraph(lanes);
  }

  picture(png: string | null): void {
    this.#screen.replaceChildren(...(png === null ? [] : [element("img", { src: `data:image/png;base64,${png}`, alt: "" })]));
  }

  #showBadges(): void {
    const { isBase, automatic, problem } = this.#row;
    const words = [
      isBase ? { text: l10n.t("you are here"), level: "here" } : undefined,
      automatic ? { text: l10n.t("automatic"), level: "info" } : undefined,
      problem === undefined ? undefined : { text: l10n.t("cannot be restored"), level: "warning" },
    ].filter((badge) => badge !== undefined);
    this.#badges.replaceChildren(...words.map(({ text, level }) => element("span", { class: "badge", "data-level": level }, text)));
  }

  /** Only when it is another: SVG is the dearest part of a row. */
  #showGraph(lanes: number): void {
    const drawn = JSON.stringify([this.#row.graph, this.#row.kind, lanes]);
    if (drawn === this.#drawn) return;
    this.#drawn = drawn;
    const { className, left } = nodeOf(this.#row, lanes);
    this.#node.className = className;
    this.#node.style.left = `${left}px`;
    this.#gutter.style.width = `${lanes * laneWidth(lanes)}px`;
    this.#gutter.replaceChildren(lanesOf(this.#row, lanes), this.#node);
  }
}
