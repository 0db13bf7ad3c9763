import { humanBytes, vivError } from "../model/index.ts";
import type { Input } from "./host.ts";

export interface StdinLimits {
  readonly maximumBytes: number;
  /** A pipe that gives neither a byte nor its end in this time is left alone (undefined is returned). */
  readonly patienceMs?: number;
  readonly signal: AbortSignal;
  readonly hint: string;
}

/** Reads an input to its end. */
export function readInput(input: Input, limits: StdinLimits): Promise<Buffer | undefined> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    let patience: NodeJS.Timeout | undefined;
    const finish = (act: () => void): void => {
      clearTimeout(patience);
      input.off("data", onData);
      input.off("end", onEnd);
      input.off("error", onError);
      limits.signal.removeEventListener("abort", onAbort);
      input.pause();
      act();
    };
    const onData = (chunk: Buffer | string): void => {
      clearTimeout(patience);
      const data = typeof chunk === "string" ? Buffer.from(chunk) : chunk;
      bytes += data.length;
      chunks.push(data);
      if (bytes > limits.maximumBytes)
        finish(() => reject(vivError("usage", `More than ${humanBytes(limits.maximumBytes)} on stdin.`, limits.hint)));
    };
    const onEnd = (): void => finish(() => resolve(Buffer.concat(chunks)));
    const onError = (error: Error): void =>
      finish(() => reject(vivError("io-error", `Cannot read stdin: ${error.message}`, undefined, error)));
    const onAbort = (): void => finish(() => reject(vivError("cancelled", "Cancelled.")));
    if (limits.signal.aborted) return onAbort();
    limits.signal.addEventListener("abort", onAbort, { once: true });
    if (limits.patienceMs !== undefined) patience = setTimeout(() => finish(() => resolve(undefined)), limits.patienceMs);
    input.on("data", onData);
    input.once("end", onEnd);
    input.once("error", onError);
  });
}
