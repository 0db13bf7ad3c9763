import type { ToExtension } from "../messages.ts";
import type { Draft } from "./drafts.ts";

/** What comes back when the tab was hidden or the window reloaded. */
export interface PageState {
  readonly scroll: number;
  readonly focus?: string | undefined;
  readonly drafts: readonly (readonly [string, Draft])[];
}

interface VsCodeApi {
  postMessage(message: ToExtension): void;
  getState(): PageState | undefined;
  setState(state: PageState): void;
}

declare function acquireVsCodeApi(): VsCodeApi;

export const vscode = acquireVsCodeApi();
