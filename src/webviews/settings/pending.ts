import { differences, isAtOrBelow, valueAt } from "./paths.ts";

/**
 * Which settings wait for a restart. vivd names the keys at the top of vm.json that differ from what the running guest
 * has; while a key did not differ its value is the running guest's, so that later the very field can be named.
 */
export class RunningValues {
  #known = new Map<string, unknown>();

  /** What the file says now, and which of its keys vivd calls pending. */
  learn(saved: Readonly<Record<string, unknown>>, pendingKeys: readonly string[]): void {
    const pending = new Set(pendingKeys.map((key) => key.split(".")[0] ?? key));
    for (const key of new Set([...Object.keys(saved), ...this.#known.keys()])) if (!pending.has(key)) this.#known.set(key, saved[key]);
  }

  forget(): void {
    this.#known = new Map();
  }

  /** Paths in the document that the running guest has otherwise; a key whose running value nobody saw counts whole. */
  pendingPaths(
    values: Readonly<Record<string, unknown>>,
    pendingKeys: readonly string[],
    takesEffectNow: (key: string) => boolean,
  ): string[] {
    const unseen = pendingKeys.filter((key) => !this.#known.has(key.split(".")[0] ?? key));
    const keys = [...new Set([...this.#known.keys(), ...Object.keys(values)])].filter(
      (key) => this.#known.has(key) && !takesEffectNow(key),
    );
    return [...unseen, ...keys.flatMap((key) => differences(this.#known.get(key), values[key], key))];
  }

  /** The running guest's value, where it was seen. */
  valueAt(path: string): unknown {
    return valueAt(Object.fromEntries(this.#known), path);
  }
}

export function isPending(path: string, pendingPaths: readonly string[]): boolean {
  return pendingPaths.some((pending) => isAtOrBelow(path, pending));
}
