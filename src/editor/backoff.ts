import type * as vscode from "vscode";

/** Waits between attempts: at once for a service that was only replaced, half a minute for one that stays away. */
export const delaysMs = [50, 200, 500, 1000, 2000, 5000, 10_000, 30_000] as const;

/** A timer that waits longer each time until it is reset. */
export class Backoff implements vscode.Disposable {
  readonly #act: () => void;
  #attempts = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(act: () => void) {
    this.#act = act;
  }

  schedule(): void {
    if (this.#timer !== undefined) return;
    const delayMs = delaysMs[Math.min(this.#attempts, delaysMs.length - 1)];
    this.#attempts += 1;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#act();
    }, delayMs);
  }

  /** Somebody tries now: the waiting attempt is not needed. */
  cancel(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  reset(): void {
    this.cancel();
    this.#attempts = 0;
  }

  dispose(): void {
    this.cancel();
  }
}
