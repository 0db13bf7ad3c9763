import type { ToExtension } from "../messages.ts";

declare function acquireVsCodeApi(): { postMessage(message: ToExtension): void };

export const vscode = acquireVsCodeApi();
