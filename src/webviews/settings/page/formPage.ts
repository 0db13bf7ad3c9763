import { l10n } from "../../ui/l10n.ts";
import { createButton } from "../../ui/page/button.ts";
import { element, setAttribute, setChildren, setText } from "../../ui/page/dom.ts";
import type { Input } from "../check.ts";
import { sections } from "../fields.ts";
import type { FormState } from "../messages.ts";
import { isAtOrBelow, isShown, valueAt } from "../paths.ts";
import { type Place, places } from "../places.ts";
import { createBanners } from "./banners.ts";
import { Blocks } from "./blocks.ts";
import { Drafts } from "./drafts.ts";
import { createField, type FieldView } from "./fieldView.ts";
import { vscode } from "./vscodeApi.ts";

/** After this much silence what was typed goes into the document; leaving the field or Enter sends it at once. */
const settleMs = 600;

/** The whole page: made once, then each state changes only what is different. */
export class FormPage {
  readonly #drafts: Drafts;
  readonly #fields = new Map<string, FieldView>();
  readonly #timers = new Map<string, number>();
  readonly #blocks: Blocks;
  readonly #banners;
  readonly #title = element("h1");
  readonly #status = element("p", { class: "status" });
  readonly #sections = new Map(
    sections.map(({ id, title }) => {
      const heading = element("h2", { id: `${id}-title`, tabindex: "-1" }, l10n.t(title));
      const body = element("div", { class: "body" });
      return [
        id,
        { root: element("section", { id: `section-${id}`, "aria-labelledby": heading.id }, heading, body), heading, body },
      ] as const;
    }),
  );
  readonly #rename = createButton(l10n.t("Rename…"), () => vscode.postMessage({ type: "command", command: "rename" }), {
    name: l10n.t("Rename the machine"),
  });
  readonly #links = new Map<string, HTMLElement>();
  #state: FormState | undefined;

  constructor(root: HTMLElement) {
    const saved = vscode.getState();
    this.#drafts = new Drafts(saved?.drafts);
    this.#blocks = new Blocks({
      add: (list) => vscode.postMessage({ type: "add", list }),
      disk: (action, disk) => vscode.postMessage({ type: "disk", action, disk }),
      remove: (path) => vscode.postMessage({ type: "remove", path }),
    });
    const openAsJson = () => vscode.postMessage({ type: "command", command: "openAsJson" });
    this.#banners = createBanners({
      openAsJson,
      restart: () => vscode.postMessage({ type: "command", command: "restart" }),
      goTo: (path) => this.goTo(path),
    });
    const json = createButton(l10n.t("Open as JSON"), openAsJson);
    const header = element("header", {}, element("div", { class: "title" }, this.#title, this.#status), json.root);
    const main = element("main", {}, header, this.#banners.root, ...[...this.#sections.values()].map((section) => section.root));
    root.replaceChildren(element("div", { class: "page" }, this.#contents(), main));
    window.addEventListener("keydown", (event) => this.#saveKey(event), { capture: true });
    window.addEventListener(
      "scroll",
      () => {
        this.#markSection();
        this.#remember();
      },
      { passive: true },
    );
    window.addEventListener("focusin", () => this.#remember());
    requestAnimationFrame(() => {
      if (saved?.focus !== undefined) this.#fields.get(saved.focus)?.target.focus({ preventScroll: true });
      if (saved) window.scrollTo({ top: saved.scroll, behavior: "instant" });
    });
  }

  show(state: FormState, answers?: number): void {
    this.#state = state;
    if (answers !== undefined) this.#drafts.written(answers, (path) => this.#documentValue(path));
    else if (!state.broken) this.#drafts.outside((path) => this.#documentValue(path));
    this.#paint();
  }

  refused(serial: number, problems: Readonly<Record<string, string>>): void {
    this.#drafts.refused(serial, problems);
    this.#paint();
  }

  accepted(serial: number): void {
    this.#drafts.accepted(serial);
    this.#paint();
  }

  choose(path: string, file: string): void {
    this.#put(path, file);
    this.#send(path, true);
  }

  /** To a field, or to the first one below a path. */
  goTo(path: string): void {
    const found = [...this.#fields].find(([one, view]) => isAtOrBelow(one, path) && view.root.isConnected);
    if (!found) return;
    const [, view] = found;
    view.root.scrollIntoView({ block: "center" });
    view.target.focus({ preventScroll: true });
  }

  #contents(): HTMLElement {
    const links = sections.map(({ id, title }) => {
      const link = element("a", { href: `#section-${id}` }, l10n.t(title));
      link.addEventListener("click", (event) => {
        event.preventDefault();
        const section = this.#sections.get(id);
        section?.root.scrollIntoView({ block: "start" });
        section?.heading.focus({ preventScroll: true });
      });
      this.#links.set(id, link);
      return element("li", {}, link);
    });
    return element("nav", { "aria-label": l10n.t("Sections") }, element("ul", {}, ...links));
  }

  /** The section at the top of the page; at its end the last one, however short. */
  #markSection(): void {
    const line = window.innerHeight / 4;
    const atEnd = window.scrollY > 0 && window.scrollY + window.innerHeight >= document.documentElement.scrollHeight - 2;
    const reached = sections.filter(({ id }) => atEnd || (this.#sections.get(id)?.root.getBoundingClientRect().top ?? 0) <= line);
    const current = reached.at(-1)?.id ?? sections[0].id;
    for (const [id, link] of this.#links) setAttribute(link, "aria-current", id === current ? "true" : undefined);
  }

  #paint(): void {
    const state = this.#state;
    if (!state) return;
    this.#paintHeader(state);
    this.#banners.show(state);
    const shown = places(state.values).filter(({ field, path }) => isShown(field, path, (one) => this.#current(one)));
    for (const [id, { body }] of this.#sections) {
      const own = shown.filter(({ field }) => field.section === id);
      setChildren(
        body,
        this.#blocks.section(id, own, (path) => this.#field(own, path).root, state),
      );
      for (const place of own) this.#paintField(place, state);
    }
    this.#markSection();
    this.#blocks.disable(state.broken !== undefined);
    this.#rename.disable(state.broken !== undefined || state.machine === undefined);
    this.#remember();
  }

  #paintHeader({ values, machine }: FormState): void {
    setText(this.#title, String(values["name"] ?? l10n.t("Machine")));
    const parts = machine ? [machine.state, ...(machine.emulated ? [l10n.t("emulated: not a security boundary")] : [])] : [];
    setText(this.#status, parts.join(" · "));
  }

  #paintField({ field, path }: Place, state: FormState): void {
    const draft = this.#drafts.input(path);
    this.#fields.get(path)?.show({
      value: this.#documentValue(path) ?? field.fallback,
      draft,
      note: state.notes[path] ?? {},
      refusal: this.#drafts.refusal(path),
      disabled: state.broken !== undefined,
    });
  }

  #field(own: readonly Place[], path: string): FieldView {
    const known = this.#fields.get(path);
    if (known) return known;
    const place = own.find((one) => one.path === path);
    if (!place) throw new Error(`no field ${path}`);
    const events = {
      typed: (input: Input) => {
        this.#put(path, input);
        this.#send(path, false);
        this.#settleLater(path, input);
      },
      chosen: (input: Input) => {
        this.#put(path, input);
        this.#send(path, true);
      },
      browse: () => vscode.postMessage({ type: "browse", path }),
      discard: () => {
        this.#cancel(path);
        this.#drafts.discard(path);
        this.#paint();
      },
    };
    const made = createField(place.field, path, events, path === "name" ? this.#rename.root : undefined);
    this.#fields.set(path, made);
    return made;
  }

  #documentValue(path: string): unknown {
    return valueAt(this.#state?.values, path);
  }

  /** With what was typed and is not written yet. */
  #current(path: string): unknown {
    return this.#drafts.input(path) ?? this.#documentValue(path);
  }

  #put(path: string, input: Input): void {
    this.#drafts.put(path, input, this.#documentValue(path));
    this.#paint();
  }

  #send(path: string, commit: boolean, save = false): void {
    if (commit) this.#cancel(path);
    vscode.postMessage({ type: "edit", ...this.#drafts.send(path), commit, ...(save ? { save } : {}) });
  }

  /** A blank at the end is the middle of something: written now, it would be cut off under the caret. */
  #settleLater(path: string, input: Input): void {
    this.#cancel(path);
    if (typeof input === "string" && input !== input.trimEnd()) return;
    this.#timers.set(
      path,
      window.setTimeout(() => this.#send(path, true), settleMs),
    );
  }

  #cancel(path: string): void {
    window.clearTimeout(this.#timers.get(path));
    this.#timers.delete(path);
  }

  /** Saving takes with it what was typed a moment ago: the document first, then VS Code's save. */
  #saveKey(event: KeyboardEvent): void {
    const isSave = event.key.toLowerCase() === "s" && (event.ctrlKey || event.metaKey) && !event.altKey && !event.shiftKey;
    const waiting = this.#drafts.paths;
    if (!isSave || waiting.length === 0) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    for (const [index, path] of waiting.entries()) this.#send(path, true, index === waiting.length - 1);
  }

  #remember(): void {
    const focused = [...this.#fields].find(([, view]) => view.target === document.activeElement)?.[0];
    vscode.setState({ scroll: window.scrollY, drafts: this.#drafts.saved, ...(focused === undefined ? {} : { focus: focused }) });
  }
}
