import type { Overlay } from "../messages.ts";
import { element, host } from "./host.ts";

/** Shows what lies over the screen. Texts of guests and files come as text nodes. */
export function showOverlay(overlay: Overlay | null): void {
  const root = element("overlay");
  root.hidden = overlay === null;
  // What lies under an overlay is not for the keyboard.
  element("screen").toggleAttribute("inert", overlay !== null);
  if (!overlay) return;
  root.className = `${overlay.tone}${overlay.dimmed ? " dimmed" : ""}`;
  element("overlay-title").textContent = overlay.title;
  const detail = element("overlay-detail");
  detail.textContent = overlay.detail ?? "";
  detail.hidden = overlay.detail === undefined;
  for (const bar of root.querySelectorAll<HTMLElement>(".progress")) bar.hidden = !overlay.busy;
  showButtons(overlay);
}

/** Buttons that stay the same keep the keyboard's focus. */
function showButtons({ buttons }: Overlay): void {
  const bar = element("overlay-buttons");
  const key = JSON.stringify(buttons);
  if (bar.dataset["key"] === key) return;
  bar.dataset["key"] = key;
  bar.replaceChildren(
    ...buttons.map(({ action, label, primary }) => {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = label;
      button.dataset["action"] = action;
      if (primary) button.classList.add("primary");
      button.addEventListener("click", () => host.postMessage({ type: "action", action }));
      return button;
    }),
  );
}
