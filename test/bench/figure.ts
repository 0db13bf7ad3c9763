import { pairwise, quotient, type Summary, summary } from "./samples.ts";

/** One line of the results. */
export interface Figure {
  readonly id: string;
  readonly title: string;
  readonly unit: "ms" | "%" | "MB" | "×";
  readonly value: Summary;
  /** At most this much is promised. Without it the figure is there to compare with. */
  readonly limit?: number;
  /** How it was counted. */
  readonly how: string;
}

/** Ours over a bare QEMU's, pair by pair. These are compared with the committed ones. */
export type Ratios = Record<string, number>;

export interface Measured {
  readonly figures: readonly Figure[];
  readonly ratios: Ratios;
}

export function figure(
  id: string,
  title: string,
  samples: readonly number[],
  how: string,
  more: { unit?: Figure["unit"]; limit?: number } = {},
): Figure {
  return { id, title, unit: more.unit ?? "ms", value: summary(samples), how, ...(more.limit === undefined ? {} : { limit: more.limit }) };
}

export function ratio(ours: readonly number[], theirs: readonly number[]): number {
  return Math.round(summary(pairwise(ours, theirs, quotient)).median * 1000) / 1000;
}

/** A part of the bench as it was measured last: `test/bench/figures.json` keeps one of each. */
export interface PartResult {
  /** ISO 8601, UTC. */
  readonly at: string;
  /** Load average (1 min) before and after. */
  readonly load: readonly [number, number];
  readonly figures: readonly Figure[];
}

export type PartResults = Readonly<Record<string, PartResult>>;
