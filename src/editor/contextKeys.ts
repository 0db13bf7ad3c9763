import * as vscode from "vscode";
import type { ServiceStatus } from "./service.ts";

/** Keys for `when` clauses of package.json, with their values before the extension has anything to say. */
const defaults = {
  "vivarium.connection": "idle" as ServiceStatus,
  "vivarium.machineCount": 0,
  "vivarium.runningCount": 0,
  "vivarium.filtered": false,
};
export type ContextKey = keyof typeof defaults;

/** Typed `setContext`; a value that has not changed is not sent again. */
export class ContextKeys {
  readonly #values = new Map<ContextKey, unknown>(Object.entries(defaults) as [ContextKey, unknown][]);

  set<K extends ContextKey>(key: K, value: (typeof defaults)[K]): void {
    if (this.#values.get(key) === value) return;
    this.#values.set(key, value);
    void vscode.commands.executeCommand("setContext", key, value);
  }
}
