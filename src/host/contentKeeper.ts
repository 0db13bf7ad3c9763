import { setTimeout as sleep } from "node:timers/promises";
import { type Machine, nextToRead, readContent } from "../machine/index.ts";

/** After the last change, so that a burst of work is over. */
const quietMs = 5000;
/** Larger files are read only when somebody asks for it (`snapshot.check`). */
const largestBytes = 32 * 1024 ** 3;
/** So fast at most: a disk does four times that and more. */
const bytesPerSecond = 100_000_000;
/** While a machine is being changed the reading stands still. */
const busyLookMs = 250;

/**
 * Reads what was frozen, one file at a time and slowly, so that its content is known (machine/snapshots/contents.ts).
 * Nobody waits for it: what a service that ends leaves undone, the next one does.
 */
export class ContentKeeper {
  readonly #machines: () => readonly Machine[];
  readonly #altered: (machine: Machine, name: string) => void;
  readonly #abort = new AbortController();
  #timer: NodeJS.Timeout | undefined;
  #reading: Promise<void> | undefined;
  #again = false;

  constructor(machines: () => readonly Machine[], altered: (machine: Machine, name: string) => void) {
    this.#machines = machines;
    this.#altered = altered;
  }

  /** Files may have been frozen. */
  nudge(): void {
    this.#again = true;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#begin(), quietMs);
    this.#timer.unref();
  }

  dispose(): void {
    clearTimeout(this.#timer);
    this.#abort.abort();
  }

  #begin(): Promise<void> {
    this.#reading ??= this.#readAll()
      // A machine was removed meanwhile, the disk is full: the next nudge tries again.
      .catch(() => undefined)
      .finally(() => {
        this.#reading = undefined;
      });
    return this.#reading;
  }

  async #readAll(): Promise<void> {
    while (this.#again && !this.#abort.signal.aborted) {
      this.#again = false;
      for (const machine of [...this.#machines()]) await this.#readMachine(machine);
    }
  }

  async #readMachine(machine: Machine): Promise<void> {
    const { signal } = this.#abort;
    const skip = new Set<string>();
    for (;;) {
      await this.#whileBusy();
      const name = await nextToRead(machine, largestBytes, skip);
      if (name === undefined || signal.aborted) return;
      skip.add(name);
      const beganAt = performance.now();
      let bytes = 0;
      const onBytes = async (read: number) => {
        bytes += read;
        await this.#whileBusy();
        const tooEarlyMs = (1000 * bytes) / bytesPerSecond - (performance.now() - beganAt);
        if (tooEarlyMs > 0) await sleep(tooEarlyMs, undefined, { signal, ref: false });
      };
      const content = await readContent(machine, name, { signal, onBytes }).catch(() => undefined);
      if (content === "altered") this.#altered(machine, name);
    }
  }

  async #whileBusy(): Promise<void> {
    while (this.#machines().some(({ busy }) => busy !== undefined) && !this.#abort.signal.aborted)
      await sleep(busyLookMs, undefined, { signal: this.#abort.signal, ref: false });
  }
}
