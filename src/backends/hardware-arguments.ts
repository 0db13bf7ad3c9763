import type { ArgumentOptions, Variant } from "./types.ts";

/** `-accel` and `-cpu` of an accelerator that needs nothing else. */
export function hardwareArguments(preferred: Variant, options: ArgumentOptions): string[] {
  const variant = options.variant ?? preferred;
  return ["-accel", variant.accel, "-cpu", options.cpuModel ?? variant.cpu];
}
