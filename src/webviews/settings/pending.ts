import { type Difference, differences } from "../../model/index.ts";
import { isAtOrBelow } from "./paths.ts";

/** Which settings wait for a restart: what the document says otherwise than the running guest has it. */

/** Paths in the form's notation (`networks.0.mac`). */
export function pendingDifferences(
  running: Readonly<Record<string, unknown>>,
  values: Readonly<Record<string, unknown>>,
  takesEffectNow: (key: string) => boolean,
): Difference[] {
  return differences(running, values)
    .map((difference) => ({ ...difference, path: difference.path.replace(/\[(\d+)\]/g, ".$1") }))
    .filter(({ path }) => !takesEffectNow(path));
}

export function isPending(path: string, pendingPaths: readonly string[]): boolean {
  return pendingPaths.some((pending) => isAtOrBelow(path, pending));
}
