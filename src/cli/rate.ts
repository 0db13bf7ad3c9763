import type { ProgressReport } from "../api/index.ts";
import { humanBytes } from "../model/index.ts";

/** Between two reports: a live line that changes faster cannot be read. */
const everyMs = 200;

/** How fast bytes pass, and how long the rest takes: `120 MiB of 1 GiB, 35 MiB/s, 26 s left`. */
export function byteRate(
  report: (progress: ProgressReport) => void,
  now = () => performance.now(),
): (bytes: number, total?: number) => void {
  const started = now();
  let first: number | undefined;
  let last = Number.NEGATIVE_INFINITY;
  return (bytes, total) => {
    // What an interrupted copy had brought says nothing of this one's speed.
    first ??= bytes;
    const at = now();
    if (at - last < everyMs) return;
    last = at;
    const seconds = (at - started) / 1000;
    const rate = seconds > 0.5 ? (bytes - first) / seconds : 0;
    const words = [total === undefined ? humanBytes(bytes) : `${humanBytes(bytes)} of ${humanBytes(total)}`];
    if (rate > 0) words.push(`${humanBytes(rate)}/s`);
    if (rate > 0 && total !== undefined && total > bytes) words.push(`${Math.ceil((total - bytes) / rate)} s left`);
    report({ kind: "copy", step: words.join(", "), ...(total ? { percent: Math.min(100, (100 * bytes) / total) } : {}) });
  };
}
