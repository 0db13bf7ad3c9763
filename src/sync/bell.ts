/** Somebody waits until something happened; what happened before is not lost. Never waits longer than the signal lets it. */
export class Bell {
  readonly #signal: AbortSignal;
  #rung = false;
  #wake: (() => void) | undefined;

  constructor(signal: AbortSignal) {
    this.#signal = signal;
  }

  ring(): void {
    this.#rung = true;
    this.#wake?.();
  }

  /** Resolves when it rang (also before), after the time, or when the signal was given. */
  async wait(timeoutMs?: number): Promise<void> {
    if (!this.#rung && !this.#signal.aborted) await this.#next(timeoutMs);
    this.#rung = false;
  }

  /** Resolves when it did not ring for `quietMs`, or after `patienceMs`. */
  async silence(quietMs: number, patienceMs: number): Promise<void> {
    const end = performance.now() + patienceMs;
    do {
      this.#rung = false;
      await this.#next(quietMs);
    } while (this.#rung && performance.now() < end && !this.#signal.aborted);
    this.#rung = false;
  }

  #next(timeoutMs: number | undefined): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        clearTimeout(timer);
        this.#signal.removeEventListener("abort", done);
        this.#wake = undefined;
        resolve();
      };
      const timer = timeoutMs === undefined ? undefined : setTimeout(done, timeoutMs);
      this.#signal.addEventListener("abort", done, { once: true });
      this.#wake = done;
      if (this.#signal.aborted) done();
    });
  }
}
