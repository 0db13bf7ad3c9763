/** What tests came to, whatever wrote it down. */
export type Outcome = "passed" | "failed" | "error" | "skipped";

export interface CaseResult {
  /** From the outside in, joined by ` > `; empty: none. */
  readonly suite: string;
  readonly name: string;
  readonly outcome: Outcome;
  readonly durationMs?: number;
  /** Why it failed or was skipped, in a line. */
  readonly message?: string;
  /** The whole of what was said: stack, diff. */
  readonly detail?: string;
  /** As the report says; in the guest. */
  readonly file?: string;
  readonly line?: number;
}

/** A report, read. `problems`: what of it could not be, or does not fit together. */
export interface Report {
  readonly cases: readonly CaseResult[];
  readonly problems: readonly string[];
}

export interface Counts {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

export function countsOf(cases: readonly CaseResult[]): Counts {
  const of = (...outcomes: readonly Outcome[]) => cases.filter(({ outcome }) => outcomes.includes(outcome)).length;
  return { passed: of("passed"), failed: of("failed", "error"), skipped: of("skipped") };
}

/** Reports come from a guest: no more of one is read, or kept, than this. */
export const reportLimits = { bytes: 64 * 1024 * 1024, cases: 100_000, textCharacters: 32_768, depth: 64 } as const;

/** A text of a report, cut where it is too long. */
export function limitedText(text: string): string {
  const trimmed = text.trim();
  return trimmed.length > reportLimits.textCharacters ? `${trimmed.slice(0, reportLimits.textCharacters)}…` : trimmed;
}

/** Seconds as reports write them → milliseconds. */
export function secondsToMs(text: string | undefined): number | undefined {
  const seconds = Number((text ?? "").replaceAll(",", "") || Number.NaN);
  return Number.isFinite(seconds) && seconds >= 0 ? Math.round(seconds * 1000 * 1000) / 1000 : undefined;
}
