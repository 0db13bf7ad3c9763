/** Repeated measurements and what is said of them. */
export interface Summary {
  readonly median: number;
  readonly min: number;
  readonly max: number;
  readonly runs: number;
}

export function summary(samples: readonly number[]): Summary {
  if (samples.length === 0) throw new Error("Nothing was measured.");
  const sorted = [...samples].sort((a, b) => a - b);
  const middle = sorted.length / 2;
  const median = Number.isInteger(middle) ? (at(sorted, middle - 1) + at(sorted, middle)) / 2 : at(sorted, Math.floor(middle));
  return { median, min: at(sorted, 0), max: at(sorted, sorted.length - 1), runs: sorted.length };
}

export function median(samples: readonly number[]): number {
  return summary(samples).median;
}

/** Sample by sample: measured side by side, so that what the host does meanwhile is in both. */
export function pairwise(ours: readonly number[], theirs: readonly number[], combine: (a: number, b: number) => number): number[] {
  if (ours.length !== theirs.length) throw new Error(`${ours.length} samples against ${theirs.length}.`);
  return ours.map((sample, index) => combine(sample, at(theirs, index)));
}

export const difference = (a: number, b: number): number => a - b;
export const quotient = (a: number, b: number): number => a / b;

/** Milliseconds that `work` takes. */
export async function timed<T>(work: () => Promise<T>): Promise<{ ms: number; value: T }> {
  const started = performance.now();
  const value = await work();
  return { ms: performance.now() - started, value };
}

/**
 * Does a boot again that failed, and says so: QEMU's emulation with several threads now and then dies of a race while
 * the guest sets up PCI (`iotlb_to_section`), and ten minutes of measuring should not be lost to it.
 */
export async function untilItWorks<T>(what: string, work: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await work();
    } catch (error) {
      if (tries === 3) throw error;
      console.log(`${what} failed and is tried again: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
}

export function sleep(ms: number): Promise<void> {
  return new Promise((wake) => setTimeout(wake, ms));
}

function at(values: readonly number[], index: number): number {
  const value = values[index];
  if (value === undefined) throw new Error(`No sample ${index}.`);
  return value;
}
