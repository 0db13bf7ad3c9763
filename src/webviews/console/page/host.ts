import type { PageState, ToExtension } from "../messages.ts";

declare function acquireVsCodeApi(): {
  postMessage(message: ToExtension): void;
  setState(state: PageState): void;
  getState(): PageState | undefined;
};

/** The extension, as the page sees it. */
export const host = acquireVsCodeApi();

/** An element that html.ts put there. */
export function element<T extends HTMLElement = HTMLElement>(id: string): T {
  const found = document.getElementById(id);
  if (!found) throw new Error(`The page has no #${id}.`);
  return found as T;
}
