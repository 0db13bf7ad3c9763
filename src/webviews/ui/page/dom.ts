/** Elements are made, never parsed: nothing a file or a guest says can become HTML. */

type Attributes = Readonly<Record<string, string | boolean | undefined>>;

export function element<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes?: Attributes,
  ...children: readonly (Node | string)[]
): HTMLElementTagNameMap[K];
export function element(tag: string, attributes?: Attributes, ...children: readonly (Node | string)[]): HTMLElement;
export function element(tag: string, attributes: Attributes = {}, ...children: readonly (Node | string)[]): HTMLElement {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) setAttribute(made, name, value);
  made.append(...children);
  return made;
}

export function setAttribute(target: Element, name: string, value: string | boolean | undefined): void {
  if (value === undefined || value === false) target.removeAttribute(name);
  else target.setAttribute(name, value === true ? "" : value);
}

export function setText(target: Element, text: string): void {
  if (target.textContent !== text) target.textContent = text;
}

/** Makes these the children, touching only what differs: what keeps its place keeps focus and caret. */
export function setChildren(target: Element, children: readonly Element[]): void {
  const wanted = new Set(children);
  for (const child of [...target.children]) if (!wanted.has(child)) child.remove();
  children.forEach((child, index) => {
    if (target.children[index] !== child) target.insertBefore(child, target.children[index] ?? null);
  });
}

/** An id that selectors can hold: `networks.0.mac` → `networks-0-mac-problem`. */
export function idOf(path: string, part = ""): string {
  return `${path.replaceAll(".", "-")}${part === "" ? "" : `-${part}`}`;
}
