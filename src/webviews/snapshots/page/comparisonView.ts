import { l10n } from "../../ui/l10n.ts";
import { element } from "../../ui/page/dom.ts";
import type { Comparison } from "../messages.ts";

/** Two snapshots side by side: what of the definition differs, and whose the space is. */
export function comparisonView({ left, right, differences, space }: Comparison): HTMLElement[] {
  return [
    element("h3", {}, l10n.t("Space")),
    spaceBar(space),
    element(
      "ul",
      { class: "legend" },
      ...space.map(({ what, label, size }) =>
        element(
          "li",
          {},
          element("span", { class: "swatch", "data-part": what, "aria-hidden": "true" }),
          element("span", {}, label),
          element("b", {}, size),
        ),
      ),
    ),
    element("h3", {}, l10n.t("Definition")),
    differences.length === 0
      ? element("p", { class: "same" }, l10n.t("The machine is defined the same in both."))
      : element(
          "div",
          { class: "table", role: "region", "aria-label": l10n.t("Definition"), tabindex: "0" },
          element(
            "table",
            {},
            element(
              "thead",
              {},
              element("tr", {}, ...[l10n.t("Setting"), left, right].map((text) => element("th", { scope: "col" }, text))),
            ),
            element(
              "tbody",
              {},
              ...differences.map((one) =>
                element("tr", {}, element("th", { scope: "row" }, one.path), element("td", {}, one.left), element("td", {}, one.right)),
              ),
            ),
          ),
        ),
  ];
}

function spaceBar(space: Comparison["space"]): HTMLElement {
  const bar = element("div", { class: "space", role: "img", "aria-label": space.map(({ label, size }) => `${label}: ${size}`).join(", ") });
  for (const { what, share } of space) {
    if (share === 0) continue;
    const part = element("div", { class: "space-part", "data-part": what });
    part.style.flexGrow = String(share);
    bar.append(part);
  }
  return bar;
}
