import type { HostReport } from "../../api/index.ts";
import { type Field, fieldAt, fields, pattern } from "./fields.ts";
import { missingFeature } from "./hostLimits.ts";
import { isAtOrBelow } from "./paths.ts";
import { isPending } from "./pending.ts";

/** What stands beside a field's name. */
export type Badge =
  /** A running machine has it as soon as the file is saved. */
  | { readonly kind: "now" }
  /** A running machine has it after a restart; `pending`: it waits for one. */
  | { readonly kind: "restart"; readonly pending: boolean }
  | { readonly kind: "not-here"; readonly reason: string };

export interface BadgeFacts {
  /** Has the machine a process, so that settings are in use? */
  readonly live: boolean;
  readonly pendingPaths: readonly string[];
  readonly host: HostReport | undefined;
}

export function badgeOf(path: string, { live, pendingPaths, host }: BadgeFacts): Badge | undefined {
  const field = fieldAt(path);
  if (!field || field.control.kind === "fact") return undefined;
  const reason = notHere(field, host);
  if (reason !== undefined) return { kind: "not-here", reason };
  if (!live) return undefined;
  return field.applies === "now" ? { kind: "now" } : { kind: "restart", pending: isPending(path, pendingPaths) };
}

/** The balloon still lets the guest shrink where its pages do not come back. */
function notHere(field: Field, host: HostReport | undefined): string | undefined {
  return field.feature === undefined ? undefined : missingFeature(field.feature, host);
}

/** Places of vm.json that need no restart: `note`, `disks.0.limits.readsPerSecond`, and `disks.0.limits` as a whole. */
export function takesEffectNow(path: string): boolean {
  const at = pattern(path);
  const concerned = fields.filter((field) => isAtOrBelow(field.path, at));
  // Read by vivd whenever they are needed, or at the first start alone.
  if (path === "$schema" || /^(probes|firstBoot)\b/.test(at)) return true;
  return concerned.length > 0 && concerned.every(({ applies }) => applies === "now");
}
