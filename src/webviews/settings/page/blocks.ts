import { l10n } from "../../ui/l10n.ts";
import { createButton } from "../../ui/page/button.ts";
import { element, idOf, setChildren, setText } from "../../ui/page/dom.ts";
import type { SectionId } from "../fields.ts";
import { lists } from "../fields.ts";
import type { DiskAction, FormState } from "../messages.ts";
import { valueAt } from "../paths.ts";
import type { Place } from "../places.ts";

/** How the fields of a section stand together: single ones in a grid, those of an item (a disk, an adapter) in its box. */

export interface BlockEvents {
  add(list: string): void;
  disk(action: DiskAction, disk: string): void;
  remove(path: string): void;
}

interface Box {
  readonly root: HTMLElement;
  readonly legend: HTMLElement;
  readonly facts: HTMLElement;
  readonly grid: HTMLElement;
  readonly rows: HTMLElement;
  readonly below: HTMLElement;
}

/** Boxes and buttons live as long as the page: what was made once is shown again. */
export class Blocks {
  readonly #events: BlockEvents;
  readonly #boxes = new Map<string, Box>();
  readonly #buttons = new Map<string, ReturnType<typeof createButton>>();
  readonly #grids = new Map<string, HTMLElement>();

  constructor(events: BlockEvents) {
    this.#events = events;
  }

  section(section: SectionId, places: readonly Place[], root: (path: string) => HTMLElement, state: FormState): HTMLElement[] {
    const grid = this.#grid(section);
    setChildren(
      grid,
      places.filter(({ path }) => !isInItem(path)).map(({ path }) => root(path)),
    );
    const single = grid.children.length > 0 ? [grid] : [];
    switch (section) {
      case "disks":
        return [...this.#disks(places, root, state), ...this.#drive(places, root, state), this.#more(state)];
      case "network":
        return [...this.#adapters(places, root, state)];
      case "sharing":
        return [...single, ...this.#shares(places, root, state)];
      default:
        return single;
    }
  }

  #disks(places: readonly Place[], root: (path: string) => HTMLElement, state: FormState): HTMLElement[] {
    const disks = items(state.values, "disks");
    const boxes = disks.map((disk, index) => {
      const path = `disks.${index}`;
      const box = this.#box(path);
      const id = String(valueAt(disk, "id") ?? index);
      const facts = state.disks.find((one) => one.id === id)?.facts ?? "";
      setText(box.legend, id.startsWith("disk") ? id : l10n.t("Disk {0}", id));
      setText(
        box.facts,
        [valueAt(disk, "file"), valueAt(disk, "format") ?? "qcow2", facts].filter((part) => part !== undefined && part !== "").join(" · "),
      );
      const own = places.filter((place) => place.path.startsWith(`${path}.`) && place.field.control.kind !== "fact");
      const isLimit = (place: Place): boolean => place.path.startsWith(`${path}.limits.`);
      const shown = (wanted: readonly Place[]) => wanted.map((place) => root(place.path));
      setChildren(box.grid, shown(own.filter((place) => !isLimit(place))));
      setChildren(box.rows, this.#limits(path, shown(own.filter(isLimit))));
      setChildren(box.below, this.#ofMachine(state, [this.#diskButton("resize", id), this.#diskButton("remove", id)]));
      return box.root;
    });
    const empty = disks.length === 0 ? [this.#note("disks", l10n.t("This machine has no disk."))] : [];
    return [...empty, ...boxes];
  }

  #limits(disk: string, rows: readonly HTMLElement[]): HTMLElement[] {
    const title = this.#element(`${disk}-limits-title`, () => element("h3", {}, l10n.t("Limits")));
    const help = this.#element(`${disk}-limits-help`, () =>
      element("p", { class: "help" }, l10n.t("What the guest may ask of this disk. Empty: as much as it can.")),
    );
    const grid = this.#grid(`${disk}-limits`);
    setChildren(grid, rows);
    return [title, help, grid];
  }

  #more(state: FormState): HTMLElement {
    const disk = items(state.values, "disks").length < lists.disks.maximum ? this.#ofMachine(state, [this.#diskButton("add", "")]) : [];
    const drive = valueAt(state.values, "cdrom") === undefined ? [this.#add("cdrom", l10n.t("Add CD Drive"))] : [];
    return this.#bar("disks-bar", [...disk, ...drive]);
  }

  /** Disks are files that vivd makes: a vm.json that is no machine's has no such buttons. */
  #ofMachine({ machine }: FormState, buttons: readonly HTMLElement[]): readonly HTMLElement[] {
    return machine ? buttons : [];
  }

  #diskButton(action: DiskAction, disk: string): HTMLElement {
    const press = () => this.#events.disk(action, disk);
    switch (action) {
      case "add":
        return this.#button("add-disk", l10n.t("Add Disk…"), press);
      case "resize":
        return this.#button(`enlarge-disk-${disk}`, l10n.t("Enlarge…"), press, l10n.t("Enlarge disk {0}", disk));
      case "remove":
        return this.#button(`remove-disk-${disk}`, l10n.t("Remove Disk"), press, l10n.t("Remove disk {0}", disk));
    }
  }

  #drive(places: readonly Place[], root: (path: string) => HTMLElement, state: FormState): HTMLElement[] {
    if (valueAt(state.values, "cdrom") === undefined) return [];
    const box = this.#box("cdrom");
    setText(box.legend, l10n.t("CD drive"));
    setChildren(
      box.grid,
      places.filter(({ path }) => path.startsWith("cdrom.")).map(({ path }) => root(path)),
    );
    setChildren(box.below, [this.#remove("cdrom", l10n.t("Remove CD Drive"))]);
    return [box.root];
  }

  #shares(places: readonly Place[], root: (path: string) => HTMLElement, state: FormState): HTMLElement[] {
    const shares = items(state.values, "shares");
    const boxes = shares.map((share, index) => {
      const path = `shares.${index}`;
      const tag = String(valueAt(share, "tag") ?? index);
      const box = this.#box(path);
      setText(box.legend, l10n.t("Shared folder {0}", tag));
      const own = places.filter((place) => place.path.startsWith(`${path}.`) && place.field.control.kind !== "fact");
      setChildren(
        box.grid,
        own.map((place) => root(place.path)),
      );
      setChildren(box.below, [this.#remove(path, l10n.t("Remove Shared Folder"), l10n.t("Remove shared folder {0}", tag))]);
      return box.root;
    });
    const more = shares.length < lists.shares.maximum ? [this.#bar("shares-bar", [this.#add("shares", l10n.t("Add Shared Folder…"))])] : [];
    return [...boxes, ...more];
  }

  #adapters(places: readonly Place[], root: (path: string) => HTMLElement, state: FormState): HTMLElement[] {
    const adapters = items(state.values, "networks");
    const boxes = adapters.map((adapter, index) => this.#adapter(`networks.${index}`, index, adapter, places, root));
    const empty = adapters.length === 0 ? [this.#note("networks", l10n.t("This machine has no network adapter."))] : [];
    const more =
      adapters.length < lists.networks.maximum ? [this.#bar("networks-bar", [this.#add("networks", l10n.t("Add Network Adapter"))])] : [];
    return [...empty, ...boxes, ...more];
  }

  #adapter(path: string, index: number, adapter: unknown, places: readonly Place[], root: (path: string) => HTMLElement): HTMLElement {
    const box = this.#box(path);
    setText(box.legend, l10n.t("Adapter {0}", index + 1));
    const own = places.filter((place) => place.path.startsWith(`${path}.`));
    const hasNetboot = valueAt(adapter, "netboot") !== undefined;
    const inGrid = own.filter((place) => !place.path.includes(".forwards.") && (hasNetboot || !place.path.includes(".netboot.")));
    setChildren(
      box.grid,
      inGrid.map((place) => root(place.path)),
    );
    const isNat = valueAt(adapter, "mode") === "nat";
    setChildren(box.rows, isNat ? this.#forwards(`${path}.forwards`, items(adapter, "forwards"), own, root) : []);
    const removal = this.#remove(path, l10n.t("Remove Adapter"), l10n.t("Remove adapter {0}", index + 1));
    const adapterName = l10n.t("Adapter {0}", index + 1);
    const netboot = hasNetboot
      ? [this.#remove(`${path}.netboot`, l10n.t("Remove Netboot"), l10n.t("{0}: remove netboot", adapterName))]
      : isNat
        ? [this.#add(`${path}.netboot`, l10n.t("Add Netboot…"), l10n.t("{0}: add netboot", adapterName))]
        : [];
    setChildren(box.below, [...netboot, removal]);
    return box.root;
  }

  #forwards(list: string, forwards: readonly unknown[], places: readonly Place[], root: (path: string) => HTMLElement): HTMLElement[] {
    const title = this.#element(`${list}-title`, () => element("h3", {}, l10n.t("Port forwards")));
    const help = this.#element(`${list}-help`, () =>
      element(
        "p",
        { class: "help" },
        l10n.t("Connections to the host's port reach the guest's. Without a host port a free one is chosen at each start."),
      ),
    );
    const rows = forwards.map((_, index) => {
      const path = `${list}.${index}`;
      const row = this.#element(path, () =>
        element("fieldset", { class: "row" }, element("legend", { class: "visually-hidden" }, l10n.t("Forward {0}", index + 1))),
      );
      const removal = this.#remove(path, l10n.t("Remove"), l10n.t("Remove forward {0}", index + 1));
      const legend = row.querySelector(":scope > legend");
      setChildren(row, [
        ...(legend ? [legend] : []),
        ...places.filter((place) => place.path.startsWith(`${path}.`)).map((place) => root(place.path)),
        removal,
      ]);
      return row;
    });
    const more =
      forwards.length < lists["networks.*.forwards"].maximum ? [this.#bar(`${list}-bar`, [this.#add(list, l10n.t("Add Forward"))])] : [];
    return [title, help, ...rows, ...more];
  }

  disable(disabled: boolean): void {
    for (const button of this.#buttons.values()) button.disable(disabled);
  }

  #box(path: string): Box {
    const known = this.#boxes.get(path);
    if (known) return known;
    const legend = element("legend");
    const facts = element("p", { class: "facts" });
    const grid = element("div", { class: "grid" });
    const rows = element("div", { class: "rows" });
    const below = element("div", { class: "bar" });
    const root = element("fieldset", { class: "box", id: idOf(path, "box") }, legend, facts, grid, rows, below);
    const box = { root, legend, facts, grid, rows, below };
    this.#boxes.set(path, box);
    return box;
  }

  #grid(key: string): HTMLElement {
    return this.#element(`grid-${key}`, () => element("div", { class: "grid" }));
  }

  #note(key: string, text: string): HTMLElement {
    return this.#element(`note-${key}`, () => element("p", { class: "help" }, text));
  }

  #bar(key: string, buttons: readonly HTMLElement[]): HTMLElement {
    const bar = this.#element(key, () => element("div", { class: "bar" }));
    setChildren(bar, buttons);
    return bar;
  }

  #element(key: string, make: () => HTMLElement): HTMLElement {
    const known = this.#grids.get(key) ?? make();
    this.#grids.set(key, known);
    return known;
  }

  #add(list: string, text: string, name?: string): HTMLElement {
    return this.#button(`add-${list}`, text, () => this.#events.add(list), name);
  }

  #remove(path: string, text: string, name?: string): HTMLElement {
    return this.#button(`remove-${path}`, text, () => this.#events.remove(path), name);
  }

  #button(key: string, text: string, press: () => void, name?: string): HTMLElement {
    const known = this.#buttons.get(key) ?? createButton(text, press, name === undefined ? {} : { name });
    this.#buttons.set(key, known);
    known.root.id = key.replaceAll(".", "-");
    return known.root;
  }
}

function items(value: unknown, path: string): readonly unknown[] {
  const found = valueAt(value, path);
  return Array.isArray(found) ? found : [];
}

function isInItem(path: string): boolean {
  return /^(disks|networks|shares)\.\d|^cdrom\./.test(path);
}
