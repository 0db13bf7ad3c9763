/** A button of the component library (`ui.js`); without it the element is a plain one that still can be pressed. */
export interface ButtonOptions {
  readonly primary?: boolean;
  /** For a screen reader, where the text alone does not say it. */
  readonly name?: string;
}

export interface Button {
  readonly root: HTMLElement;
  disable(disabled: boolean): void;
}

export function createButton(text: string, press: () => void, { primary = false, name }: ButtonOptions = {}): Button {
  const root = document.createElement("vscode-button");
  root.setAttribute("appearance", primary ? "primary" : "secondary");
  if (name !== undefined) root.setAttribute("aria-label", name);
  root.textContent = text;
  root.addEventListener("click", () => {
    if (!root.hasAttribute("disabled")) press();
  });
  return { root, disable: (disabled) => root.toggleAttribute("disabled", disabled) };
}
