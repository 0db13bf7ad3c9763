import { Impairment, parseBytes, vivError } from "../../model/index.ts";

/** Bad links that people ask for by name; each way, so that a ping takes twice the delay longer. */
export const presets = {
  mobile: { delayMs: 100, jitterMs: 30, lossPercent: 1, bytesPerSecond: 200_000 },
  satellite: { delayMs: 300, jitterMs: 20, lossPercent: 0.5, bytesPerSecond: 1_250_000 },
  lossy: { lossPercent: 10 },
  partition: { partition: "away" },
} as const satisfies Record<string, Impairment>;

const keys = {
  delay: "delayMs",
  jitter: "jitterMs",
  loss: "lossPercent",
  rate: "bytesPerSecond",
  partition: "partition",
  seed: "seed",
} as const;

/**
 * `delay=50 loss=2 rate=1M partition=away`, with the options of `viv net impair` as words. Milliseconds, percent, bytes a second.
 * @throws VivError `usage`
 */
export function parseImpairment(text: string): Impairment {
  const wanted: Record<string, unknown> = {};
  for (const word of text.split(/[\s,]+/).filter((part) => part !== "")) {
    const [name = "", value = ""] = word.split("=");
    if (!Object.hasOwn(keys, name) || value === "")
      throw vivError("usage", `“${word}” is not understood.`, "For example: delay=50 jitter=10 loss=2 rate=1M");
    const key = keys[name as keyof typeof keys];
    wanted[key] = key === "partition" ? value : key === "bytesPerSecond" ? parseBytes(value) : Number(value);
    if (wanted[key] === undefined || Number.isNaN(wanted[key])) throw vivError("usage", `${name}: “${value}” is not a number.`);
  }
  const parsed = Impairment.safeParse(wanted);
  if (parsed.success) return parsed.data;
  throw vivError("usage", parsed.error.issues.map((issue) => `${issue.path.join(".")} ${issue.message}`.trim()).join("; "));
}

/** What `parseImpairment` reads. */
export function impairmentInput(impairment: Impairment): string {
  return Object.entries(keys)
    .flatMap(([name, key]) => (impairment[key] === undefined ? [] : [`${name}=${impairment[key]}`]))
    .join(" ");
}
