import { l10n } from "../../ui/l10n.ts";
import { createButton } from "../../ui/page/button.ts";
import { element } from "../../ui/page/dom.ts";
import type { ImageAction, ImageState } from "../messages.ts";

/** Colours of the sheet, `--part-0` and so on; then they begin anew. */
const colours = 6;

export function imageView(state: ImageState, act: (action: ImageAction) => void): HTMLElement {
  return element(
    "main",
    {},
    element(
      "header",
      {},
      element(
        "div",
        { class: "heading" },
        element("h1", {}, state.file),
        element(
          "p",
          { class: "status" },
          element("span", { class: "badge", "data-known": state.known }, state.format),
          element("span", {}, state.summary),
        ),
        element("p", { class: "folder" }, state.folder),
      ),
      element(
        "div",
        { class: "actions", role: "group", "aria-label": l10n.t("What can be done with it") },
        ...state.actions.map((action) => button(action, act)),
      ),
    ),
    ...(state.refused === undefined
      ? []
      : [element("div", { class: "banner error", role: "note" }, l10n.t("No machine is made of it: this file {0}.", state.refused))]),
    ...(state.filled === null ? [] : [space(state.filled)]),
    ...(state.partitions.length === 0 ? [] : [partitions(state)]),
    ...(state.facts.length === 0 ? [] : [facts(state)]),
    ...(state.chain.length > 1 ? [chain(state)] : []),
    ...(state.snapshots.length === 0 ? [] : [snapshots(state)]),
  );
}

export function problemView({ problem, hint }: { readonly problem: string; readonly hint?: string }): HTMLElement {
  return element("main", {}, element("div", { class: "banner error", role: "alert" }, [problem, hint ?? ""].join(" ").trim()));
}

function button(action: ImageAction, act: (action: ImageAction) => void): HTMLElement {
  const labels: Readonly<Record<ImageAction, string>> = {
    import: l10n.t("Make a Machine of It…"),
    convert: l10n.t("Convert…"),
    check: l10n.t("Check"),
  };
  const made = createButton(labels[action], () => act(action), { primary: action === "import" });
  made.root.id = `action-${action}`;
  return made.root;
}

function section(title: string, ...children: readonly HTMLElement[]): HTMLElement {
  return element("section", {}, element("h2", {}, title), ...children);
}

function space({ share, allocated, virtual }: NonNullable<ImageState["filled"]>): HTMLElement {
  const words = l10n.t("{0} of {1} take space on this computer", allocated, virtual);
  const fill = element("div", { class: "filled" });
  fill.style.width = `${Math.max(0.5, share * 100)}%`;
  return section(
    l10n.t("Space"),
    element("div", { class: "fill", role: "img", "aria-label": words }, fill),
    element("p", { class: "quiet" }, words),
  );
}

function partitions({ partitions: rows, segments }: ImageState): HTMLElement {
  const bar = element("div", { class: "disk", role: "img", "aria-label": segments.map(({ label }) => label).join("; ") });
  for (const { number, share, label } of segments) {
    const part = element("div", { title: label, class: number === undefined ? "unused" : `part part-${number % colours}` });
    part.style.flexGrow = String(Math.max(share, 0.004));
    if (number !== undefined && share > 0.06) part.append(element("span", { "aria-hidden": "true" }, label));
    bar.append(part);
  }
  const head = ["", l10n.t("Type"), l10n.t("Label"), l10n.t("Start"), l10n.t("Size"), ""];
  return section(
    l10n.t("Partitions"),
    bar,
    table(
      l10n.t("Partitions"),
      head,
      rows.map(({ number, type, label, start, size, bootable }) => [
        element("span", {}, element("span", { class: `swatch part-${number % colours}`, "aria-hidden": "true" }), String(number)),
        type,
        label,
        start,
        size,
        bootable ? l10n.t("boots") : "",
      ]),
    ),
  );
}

function facts({ facts: rows }: ImageState): HTMLElement {
  return section(
    l10n.t("Facts"),
    element(
      "dl",
      {},
      ...rows.map(({ name, value }) => element("div", { class: "fact" }, element("dt", {}, name), element("dd", {}, value))),
    ),
  );
}

function chain({ chain: files }: ImageState): HTMLElement {
  return section(
    l10n.t("Stands on"),
    element(
      "ol",
      { class: "chain" },
      ...files.map(({ file, format }) =>
        element(
          "li",
          {},
          element("span", { class: "path" }, file),
          ...(format === "" ? [] : [element("span", { class: "badge" }, format)]),
        ),
      ),
    ),
  );
}

function snapshots({ snapshots: rows }: ImageState): HTMLElement {
  return section(
    l10n.t("Snapshots inside"),
    table(
      l10n.t("Snapshots inside"),
      [l10n.t("Name"), l10n.t("Taken"), l10n.t("Memory")],
      rows.map(({ name, taken, memory }) => [name, taken, memory === "" ? "–" : memory]),
    ),
  );
}

function table(name: string, head: readonly string[], rows: readonly (readonly (string | HTMLElement)[])[]): HTMLElement {
  return element(
    "div",
    { class: "table", role: "region", "aria-label": name, tabindex: "0" },
    element(
      "table",
      {},
      element("thead", {}, element("tr", {}, ...head.map((text) => (text === "" ? element("td") : element("th", { scope: "col" }, text))))),
      element("tbody", {}, ...rows.map((cells) => element("tr", {}, ...cells.map((cell) => element("td", {}, cell))))),
    ),
  );
}
