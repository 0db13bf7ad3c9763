import { l10n } from "../../ui/l10n.ts";
import { createButton } from "../../ui/page/button.ts";
import { element, setChildren, setText } from "../../ui/page/dom.ts";
import { fieldAt } from "../fields.ts";
import type { FormState, PendingChange } from "../messages.ts";
import { segments } from "../paths.ts";

/** What stands above the form: the text is broken, keys without a field are wrong, changes wait for a restart. */
export interface Banners {
  readonly root: HTMLElement;
  show(state: FormState): void;
}

export interface BannerEvents {
  openAsJson(): void;
  restart(): void;
  goTo(path: string): void;
}

export function createBanners(events: BannerEvents): Banners {
  const brokenText = element("p");
  const openBroken = createButton(l10n.t("Open as JSON"), () => events.openAsJson(), { primary: true });
  const broken = element("div", { class: "banner error", role: "alert" }, brokenText, element("div", { class: "bar" }, openBroken.root));
  const otherList = element("ul");
  const openOther = createButton(l10n.t("Open as JSON"), () => events.openAsJson());
  const other = element(
    "div",
    { class: "banner error" },
    element("p", {}, l10n.t("The file has problems that no field shows:")),
    otherList,
    element("div", { class: "bar" }, openOther.root),
  );
  const pendingText = element("p");
  const pendingList = element("ul");
  const restart = createButton(l10n.t("Restart Machine"), () => events.restart());
  const pending = element("div", { class: "banner info" }, pendingText, pendingList, element("div", { class: "bar" }, restart.root));
  const banners = element("div", { class: "banners" });
  // What a screen reader is told: the news, not the whole list with its links each time.
  const news = element("p", { class: "visually-hidden", role: "status" });
  const root = element("div", {}, news, banners);
  return {
    root,
    show(state) {
      brokenText.textContent = state.broken
        ? `${state.broken.sentence} ${state.broken.hasValues ? l10n.t("Below is what it said before; it can be changed again when the text is mended.") : ""}`.trim()
        : "";
      otherList.replaceChildren(...state.otherProblems.map((problem) => element("li", {}, problem)));
      pendingText.textContent =
        state.pending.length === 1
          ? l10n.t("One change waits for a restart of the machine:")
          : l10n.t("{0} changes wait for a restart of the machine:", state.pending.length);
      setText(news, state.pending.length > 0 ? pendingText.textContent.replace(/:$/, "") : "");
      const lines = JSON.stringify(state.pending);
      if (pendingList.dataset["lines"] !== lines) {
        pendingList.dataset["lines"] = lines;
        pendingList.replaceChildren(...state.pending.map((change) => pendingLine(change, events)));
      }
      setChildren(banners, [
        ...(state.broken ? [broken] : []),
        ...(state.otherProblems.length > 0 ? [other] : []),
        ...(state.pending.length > 0 ? [pending] : []),
      ]);
    },
  };
}

function pendingLine({ path, before, after }: PendingChange, events: BannerEvents): HTMLElement {
  const link = element("button", { type: "button", class: "link" }, placeName(path));
  link.addEventListener("click", () => events.goTo(path));
  return element("li", {}, link, `: ${l10n.t("{0} → {1}", before, after)}`);
}

/** `networks.0.mac` → “Adapter 1, MAC address”. */
function placeName(path: string): string {
  const label = fieldAt(path)?.label;
  const [list, index] = segments(path);
  const item =
    typeof index !== "number" ? undefined : list === "networks" ? l10n.t("Adapter {0}", index + 1) : l10n.t("Disk {0}", index + 1);
  const group = {
    networks: l10n.t("Network"),
    disks: l10n.t("Disks"),
    cdrom: l10n.t("CD drive"),
    devices: l10n.t("Devices"),
    display: l10n.t("Display"),
    firmware: l10n.t("Firmware"),
  }[String(list)];
  const own = label === undefined ? partName(path) : l10n.t(label);
  return [item, own].filter((part) => part !== undefined).join(", ") || group || path;
}

/** Parts of an adapter that are no single field. */
function partName(path: string): string | undefined {
  if (path.endsWith(".forwards")) return l10n.t("Port forwards");
  return path.endsWith(".netboot") ? l10n.t("Netboot") : undefined;
}
