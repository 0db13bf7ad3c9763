import { element } from "./host.ts";

/** The keys menu: opens by click or arrow, walked by arrows, left by Escape or by looking elsewhere. */
export function keysMenu(choose: (item: HTMLElement) => void): void {
  const button = element("keys");
  const menu = element("keys-menu");
  const items = [...menu.querySelectorAll<HTMLElement>("[role=menuitem]")];

  const show = (open: boolean): void => {
    menu.hidden = !open;
    button.setAttribute("aria-expanded", String(open));
    if (open) items[0]?.focus();
  };
  const move = (step: number): void => {
    const index = items.indexOf(document.activeElement as HTMLElement);
    items[(index + step + items.length) % items.length]?.focus();
  };

  button.addEventListener("click", () => show(menu.hidden === true));
  button.addEventListener("keydown", (event) => {
    if (event.key !== "ArrowDown") return;
    event.preventDefault();
    show(true);
  });
  menu.addEventListener("keydown", (event) => {
    const steps: Readonly<Record<string, () => void>> = {
      ArrowDown: () => move(1),
      ArrowUp: () => move(-1),
      Home: () => items[0]?.focus(),
      End: () => items.at(-1)?.focus(),
      Escape: () => {
        show(false);
        button.focus();
      },
    };
    const act = steps[event.key];
    if (!act) return;
    event.preventDefault();
    event.stopPropagation();
    act();
  });
  menu.addEventListener("focusout", ({ relatedTarget }) => {
    if (!(relatedTarget instanceof Node) || (!menu.contains(relatedTarget) && relatedTarget !== button)) show(false);
  });
  for (const item of items) {
    // Mouse and keyboard share one mark, as in the editor's own menus.
    item.addEventListener("pointermove", () => item.focus());
    item.addEventListener("click", () => {
      show(false);
      choose(item);
    });
  }
}
