import { l10n } from "../../ui/l10n.ts";
import { type Button, createButton } from "../../ui/page/button.ts";
import { element, setAttribute, setChildren, setText } from "../../ui/page/dom.ts";
import { presentId, type SnapshotAction, type SnapshotRow, type SnapshotsState, type ToPage } from "../messages.ts";
import { DetailsView } from "./detailsView.ts";
import { GraphView } from "./graphView.ts";
import { vscode } from "./vscodeApi.ts";

/** The page: a head, what is to be known, the graph beside the selected snapshot, and what was removed. */
export class SnapshotsPage {
  readonly #name = element("h1");
  readonly #summary = element("p", { class: "status" });
  readonly #take: Button;
  readonly #banners = element("div", { class: "banners", role: "status" });
  readonly #progress = element("div", { class: "operation", role: "status" });
  readonly #graph: GraphView;
  readonly #details: DetailsView;
  readonly #empty: HTMLElement;
  readonly #panes: HTMLElement;
  readonly #removed: HTMLElement;
  readonly #pictures = new Map<string, string | null>();
  #state: SnapshotsState | undefined;
  #compared: { left: string; right: string } | undefined;
  #wanted = vscode.getState()?.selected;

  constructor(root: HTMLElement) {
    this.#graph = new GraphView({
      select: (row) => this.#selected(row),
      compare: (row) => this.#compare(this.#graph.selected?.id ?? presentId, row.id),
      actions: () => this.#details.focus(),
      remove: ({ id }) => this.#act("remove", id),
      rename: ({ id }) => this.#act("rename", id),
      visible: (ids) => vscode.postMessage({ type: "thumbnails", ids }),
    });
    this.#details = new DetailsView({
      action: (action, { id }) => this.#act(action, id),
      take: (disksOnly) => vscode.postMessage({ type: "take", disksOnly }),
      console: () => vscode.postMessage({ type: "console" }),
      compare: (left, right) => this.#compare(left, right),
      leave: () => this.#graph.focus(),
    });
    this.#take = createButton(l10n.t("Take Snapshot…"), () => vscode.postMessage({ type: "take", disksOnly: false }), { primary: true });
    this.#take.root.id = "take";
    this.#empty = emptyState();
    this.#removed = element("section", { class: "removed", "aria-labelledby": "removed-title", hidden: true });
    this.#panes = element(
      "div",
      { class: "panes" },
      element("div", { class: "left" }, this.#empty, this.#graph.root, this.#removed),
      element("div", { class: "right" }, this.#details.root),
    );
    setChildren(root, [
      element(
        "main",
        {},
        element("header", {}, element("div", { class: "heading" }, this.#name, this.#summary), this.#take.root),
        this.#progress,
        this.#banners,
        this.#panes,
      ),
    ]);
  }

  show(state: SnapshotsState): void {
    if (this.#state && state.version < this.#state.version) return;
    const first = this.#state === undefined || this.#state.rows.length === 0;
    this.#state = state;
    setText(this.#name, l10n.t("Snapshots of {0}", state.machine.name));
    setText(this.#summary, state.summary);
    this.#take.disable(state.operation !== undefined || !state.machine.whole || state.rows.length === 0);
    this.#showProgress(state);
    this.#showBanners(state);
    this.#panes.hidden = state.rows.length === 0;
    this.#empty.hidden = state.rows.length > 1;
    this.#graph.show(state);
    if (first && state.rows.length > 0) this.#begin();
    const { selected } = this.#graph;
    if (selected) this.#details.show(selected, state);
    this.#showRemoved(state);
    this.#refreshPresent(state);
  }

  picture(id: string, png: string | null): void {
    this.#pictures.set(id, png);
    this.#graph.picture(id, png);
    if (this.#graph.selected?.id === id) this.#details.picture(png);
  }

  comparison({ left, right, result }: Extract<ToPage, { type: "comparison" }>): void {
    if (this.#compared?.left === left && this.#compared.right === right) this.#details.comparison(result);
  }

  goTo(id: string, compareWith: string | undefined): void {
    this.#graph.select(id, { focus: true, scroll: true });
    if (compareWith !== undefined) this.#compare(id, compareWith);
  }

  /** What was selected before the tab was hidden; otherwise the present, which is where one is. */
  #begin(): void {
    this.#graph.select(this.#wanted ?? presentId, { scroll: true });
    this.#wanted = undefined;
    const row = this.#graph.selected;
    if (row) this.#selected(row);
  }

  #selected(row: SnapshotRow): void {
    if (!this.#state) return;
    this.#compared = undefined;
    this.#graph.compared("");
    this.#details.show(row, this.#state);
    this.#details.picture(this.#pictures.get(row.id) ?? null);
    const kept = vscode.getState();
    if (kept) vscode.setState({ ...kept, selected: row.id });
  }

  #compare(left: string, right: string | undefined): void {
    this.#compared = right === undefined ? undefined : { left, right };
    this.#graph.compared(right ?? "");
    this.#details.compareWith(right);
    if (right === undefined) this.#details.comparison(undefined);
    else vscode.postMessage({ type: "compare", left, right });
  }

  #act(action: SnapshotAction, id: string): void {
    vscode.postMessage({ type: "snapshot", action, id });
  }

  /** What the guest shows changes while it runs: asked for again, and kept by the other side where nothing has happened. */
  #refreshPresent({ machine }: SnapshotsState): void {
    if (!machine.live) this.picture(presentId, null);
    else if (this.#pictures.has(presentId)) vscode.postMessage({ type: "thumbnails", ids: [presentId] });
  }

  #showProgress({ operation }: SnapshotsState): void {
    this.#progress.hidden = operation === undefined;
    if (!operation) return;
    const progress = element("div", { class: "progress" });
    setAttribute(progress, "data-indeterminate", operation.percent === undefined);
    if (operation.percent !== undefined) progress.style.width = `${operation.percent}%`;
    this.#progress.replaceChildren(element("div", { class: "track" }, progress), element("span", {}, operation.text));
  }

  #showBanners({ problem, blocked, internal }: SnapshotsState): void {
    const banners: HTMLElement[] = [];
    if (problem) banners.push(element("div", { class: "banner error" }, [problem.message, problem.hint ?? ""].join(" ").trim()));
    if (blocked.length > 0)
      banners.push(element("div", { class: "banner" }, l10n.t("Memory cannot be kept now, only the disks: {0}", blocked.join(" "))));
    for (const one of internal) {
      const adopt = createButton(l10n.t("Take Over"), () => vscode.postMessage({ type: "adopt", disk: one.disk, id: one.id }), {
        name: l10n.t("Take over the snapshot {0}", one.name),
      });
      banners.push(element("div", { class: "banner" }, element("span", {}, element("b", {}, one.name), ` ${one.detail}`), adopt.root));
    }
    const wanted = JSON.stringify([problem, blocked, internal]);
    if (this.#banners.dataset["shown"] === wanted) return;
    this.#banners.dataset["shown"] = wanted;
    this.#banners.replaceChildren(...banners);
  }

  #showRemoved({ removed, removedFrees }: SnapshotsState): void {
    this.#removed.hidden = removed.length === 0;
    const wanted = JSON.stringify([removed, removedFrees]);
    if (this.#removed.dataset["shown"] === wanted) return;
    this.#removed.dataset["shown"] = wanted;
    const empty = createButton(l10n.t("Empty…"), () => vscode.postMessage({ type: "empty" }));
    empty.root.id = "empty-removed";
    this.#removed.replaceChildren(
      element(
        "div",
        { class: "removed-head" },
        element("h2", { id: "removed-title" }, l10n.t("Removed")),
        element("span", {}, l10n.t("emptying frees {0}", removedFrees)),
        empty.root,
      ),
      element(
        "ul",
        {},
        ...removed.map(({ id, name, detail }) => {
          const undo = createButton(l10n.t("Undo"), () => this.#act("undoRemove", id), { name: l10n.t("Bring {0} back", name) });
          return element(
            "li",
            {},
            element("span", { class: "removed-name" }, name),
            element("span", { class: "removed-detail" }, detail),
            undo.root,
          );
        }),
      ),
    );
  }
}

function emptyState(): HTMLElement {
  return element(
    "div",
    { class: "empty", hidden: true },
    element("h2", {}, l10n.t("No snapshot yet")),
    element(
      "p",
      {},
      l10n.t(
        "A snapshot keeps this moment: the disks, and the memory of a machine that runs. Try something, and come back here if it went wrong.",
      ),
    ),
  );
}
