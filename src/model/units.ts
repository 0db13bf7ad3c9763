import { vivError } from "./errors.ts";

const factors: Record<string, number> = { "": 1, k: 1024, m: 1024 ** 2, g: 1024 ** 3, t: 1024 ** 4 };
const sizePattern = /^(\d+(?:\.\d+)?)\s*([kmgt]?)(?:i?b)?$/i;

/** `512M`, `1.5 GiB`, `4096` → bytes (powers of 1024, a whole number). Returns undefined for anything else. */
export function parseBytes(text: string): number | undefined {
  const match = sizePattern.exec(text.trim());
  if (!match) return undefined;
  const bytes = Number(match[1]) * (factors[(match[2] ?? "").toLowerCase()] ?? Number.NaN);
  return Number.isSafeInteger(Math.round(bytes)) ? Math.round(bytes) : undefined;
}

/** Like parseBytes, but throws `usage` with an example. */
export function requireBytes(text: string, what: string): number {
  const bytes = parseBytes(text);
  if (bytes === undefined) throw vivError("usage", `${what}: “${text}” is not a size.`, "Write a number with a unit, such as 512M or 10G.");
  return bytes;
}

/** Bytes → the shortest exact text that parseBytes reads back: 536870912 → `512M`. */
export function sizeText(bytes: number): string {
  for (const unit of ["T", "G", "M", "K"]) {
    const factor = factors[unit.toLowerCase()] ?? 1;
    if (bytes >= factor && bytes % factor === 0) return `${bytes / factor}${unit}`;
  }
  return String(bytes);
}

/** Bytes for people: `1.5 GiB`, `312 MiB`. */
export function humanBytes(bytes: number): string {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${value >= 100 || unit === 0 ? Math.round(value) : value.toFixed(1).replace(/\.0$/, "")} ${units[unit]}`;
}

const durationFactors: Record<string, number> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

/** `90s`, `2m`, `500ms`, `10` (seconds) → milliseconds; throws `usage`. */
export function requireDuration(text: string): number {
  const match = /^(\d+(?:\.\d+)?)(ms|s|m|h)?$/.exec(text.trim());
  if (!match) throw vivError("usage", `“${text}” is not a duration.`, "Write for example 500ms, 60s, 2m or 1h.");
  return Math.round(Number(match[1]) * (durationFactors[match[2] ?? "s"] ?? 1000));
}
