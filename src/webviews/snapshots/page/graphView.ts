import { l10n } from "../../ui/l10n.ts";
import { element, setAttribute, setChildren } from "../../ui/page/dom.ts";
import { presentId, type SnapshotRow, type SnapshotsState } from "../messages.ts";
import { RowView } from "./rowView.ts";

interface GraphEvents {
  /** Another row is selected. */
  select(row: SnapshotRow): void;
  /** Ctrl or Cmd with a click, or Space: to be compared with the selected one. */
  compare(row: SnapshotRow): void;
  /** Enter: what can be done with it. */
  actions(row: SnapshotRow): void;
  remove(row: SnapshotRow): void;
  rename(row: SnapshotRow): void;
  /** Rows whose pictures are wanted now. */
  visible(ids: readonly string[]): void;
}

/** The rows as a tree: one of them has the keyboard (roving tabindex), arrows move it, selection follows. */
export class GraphView {
  readonly root: HTMLElement;
  readonly #events: GraphEvents;
  readonly #rows = new Map<string, RowView>();
  readonly #observer: IntersectionObserver;
  /** Rows whose picture was asked for, or will be when they come into view. */
  readonly #watched = new Set<string>();
  #order: readonly SnapshotRow[] = [];
  #selected = "";
  #compared = "";

  constructor(events: GraphEvents) {
    this.#events = events;
    this.root = element("div", { class: "graph", role: "tree", "aria-label": l10n.t("Snapshots") });
    this.root.addEventListener("keydown", (event) => this.#key(event));
    this.root.addEventListener("click", (event) => this.#click(event));
    this.root.addEventListener("dblclick", (event) => {
      const row = this.#at(event.target);
      if (row) this.#events.actions(row.row);
    });
    this.#observer = new IntersectionObserver((entries) => this.#seen(entries), { rootMargin: "200px" });
  }

  get selected(): SnapshotRow | undefined {
    return this.#rows.get(this.#selected)?.row;
  }

  show({ rows, lanes, machine }: SnapshotsState): void {
    const lost = this.#focusedId();
    const place = this.#order.findIndex(({ id }) => id === this.#selected);
    this.#order = rows;
    const wanted = new Set(rows.map(({ id }) => id));
    for (const [id, view] of this.#rows) {
      if (wanted.has(id)) continue;
      this.#watch(view, false);
      this.#rows.delete(id);
    }
    setChildren(
      this.root,
      rows.map((row) => {
        const view = this.#rows.get(row.id) ?? this.#add(row);
        view.show(row, lanes, machine.id);
        this.#watch(view, row.hasThumbnail);
        return view.root;
      }),
    );
    if (!wanted.has(this.#selected)) {
      const next = rows[Math.min(Math.max(0, place), rows.length - 1)]?.id ?? "";
      this.select(place < 0 ? presentId : next, { focus: lost !== undefined && !wanted.has(lost) });
    } else this.#mark();
  }

  select(id: string, { focus = false, scroll = false } = {}): void {
    const view = this.#rows.get(id);
    if (!view) return;
    const changed = this.#selected !== id;
    this.#selected = id;
    this.#mark();
    if (focus) view.root.focus();
    if (scroll) view.root.scrollIntoView({ block: "nearest" });
    if (changed) this.#events.select(view.row);
  }

  /** Shown as the other side of a comparison. */
  compared(id: string): void {
    this.#compared = id;
    this.#mark();
  }

  focus(): void {
    this.#rows.get(this.#selected)?.root.focus();
  }

  picture(id: string, png: string | null): void {
    this.#rows.get(id)?.picture(png);
  }

  #add(row: SnapshotRow): RowView {
    const view = new RowView(row);
    this.#rows.set(row.id, view);
    return view;
  }

  #watch({ root, row: { id } }: RowView, wanted: boolean): void {
    if (wanted === this.#watched.has(id)) return;
    if (wanted) {
      this.#watched.add(id);
      this.#observer.observe(root);
    } else {
      this.#watched.delete(id);
      this.#observer.unobserve(root);
    }
  }

  #seen(entries: readonly IntersectionObserverEntry[]): void {
    const ids: string[] = [];
    for (const { isIntersecting, target } of entries) {
      const view = this.#at(target);
      if (!isIntersecting || !view) continue;
      this.#observer.unobserve(target);
      ids.push(view.row.id);
    }
    if (ids.length > 0) this.#events.visible(ids);
  }

  #mark(): void {
    for (const [id, { root }] of this.#rows) {
      setAttribute(root, "aria-selected", String(id === this.#selected));
      setAttribute(root, "data-compared", id === this.#compared && id !== this.#selected);
      root.tabIndex = id === this.#selected ? 0 : -1;
    }
  }

  #at(target: EventTarget | null): RowView | undefined {
    const id = target instanceof Element ? target.closest<HTMLElement>(".row")?.dataset["id"] : undefined;
    return id === undefined ? undefined : this.#rows.get(id);
  }

  #focusedId(): string | undefined {
    return this.#at(document.activeElement)?.row.id;
  }

  #click(event: MouseEvent): void {
    const view = this.#at(event.target);
    if (!view) return;
    if ((event.ctrlKey || event.metaKey) && view.row.id !== this.#selected) this.#events.compare(view.row);
    else this.select(view.row.id, { focus: true });
  }

  #key(event: KeyboardEvent): void {
    const row = this.#at(event.target)?.row;
    if (!row || event.altKey) return;
    const done = event.ctrlKey || event.metaKey ? false : this.#move(event.key, row) || this.#act(event.key, row);
    if (!done) return;
    event.preventDefault();
    event.stopPropagation();
  }

  #move(key: string, row: SnapshotRow): boolean {
    const index = this.#order.indexOf(row);
    const last = this.#order.length - 1;
    const places: Partial<Record<string, string | null | undefined>> = {
      ArrowDown: this.#order[Math.min(last, index + 1)]?.id,
      ArrowUp: this.#order[Math.max(0, index - 1)]?.id,
      ArrowLeft: row.parent,
      ArrowRight: row.graph.mainChild,
      Home: this.#order[0]?.id,
      End: this.#order[last]?.id,
      PageDown: this.#order[Math.min(last, index + 8)]?.id,
      PageUp: this.#order[Math.max(0, index - 8)]?.id,
    };
    if (!(key in places)) return false;
    const id = places[key];
    if (typeof id === "string") this.select(id, { focus: true, scroll: true });
    return true;
  }

  #act(key: string, row: SnapshotRow): boolean {
    const isSnapshot = row.kind !== "present";
    if (key === "Enter") this.#events.actions(row);
    else if (key === "Delete" && isSnapshot) this.#events.remove(row);
    else if (key === "F2" && isSnapshot) this.#events.rename(row);
    else return false;
    return true;
  }
}
