import * as vscode from "vscode";
import type { ServiceStatus } from "./service.ts";

/** Keys for `when` clauses of package.json, and what they hold. A key that was never set is no value at all there. */
interface ContextValues {
  "vivarium.connection": ServiceStatus;
  "vivarium.machineCount": number;
  "vivarium.runningCount": number;
  "vivarium.filtered": boolean;
  /** What kind of row is selected in the tree, for keys that mean one thing there and another elsewhere. */
  "vivarium.selected": string;
}
export type ContextKey = keyof ContextValues;

/** Typed `setContext`; a value that has not changed is not sent again. */
export class ContextKeys {
  readonly #values = new Map<ContextKey, unknown>();

  set<K extends ContextKey>(key: K, value: ContextValues[K]): void {
    if (this.#values.get(key) === value) return;
    this.#values.set(key, value);
    void vscode.commands.executeCommand("setContext", key, value);
  }
}
