import { type VivError, vivError } from "../model/index.ts";
import { deferred } from "./deferred.ts";

export interface Limits {
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
}

/** Waits for `work`, but no longer than the limits say: rejects with `late()` or `cancelled`, and leaves no timer or listener behind. */
export async function withDeadline<T>(
  work: Promise<T>,
  timeoutMs: number,
  signal: AbortSignal | undefined,
  late: () => VivError,
): Promise<T> {
  const stopped = deferred<never>();
  const abort = () => stopped.reject(vivError("cancelled", "Cancelled."));
  const timer = setTimeout(() => stopped.reject(late()), timeoutMs);
  signal?.addEventListener("abort", abort, { once: true });
  if (signal?.aborted) abort();
  work.catch(() => undefined);
  try {
    return await Promise.race([work, stopped.promise]);
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", abort);
  }
}
