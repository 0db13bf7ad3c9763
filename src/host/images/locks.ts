/** One at a time for a key, in the order they came; vivd is the only writer of a home, so a lock in it is enough. */
const queues = new Map<string, Promise<unknown>>();

/** @param waiting told once when somebody else is at it. An aborted signal gives up the place. */
export async function exclusively<T>(key: string, signal: AbortSignal, waiting: () => void, work: () => Promise<T>): Promise<T> {
  const before = queues.get(key);
  let release = (): void => undefined;
  const own = new Promise<void>((done) => {
    release = done;
  });
  const tail = Promise.allSettled([before, own]);
  queues.set(key, tail);
  try {
    if (before !== undefined) {
      waiting();
      await untilDoneOrAborted(before, signal);
    }
    signal.throwIfAborted();
    return await work();
  } finally {
    release();
    if (queues.get(key) === tail) queues.delete(key);
  }
}

async function untilDoneOrAborted(before: Promise<unknown>, signal: AbortSignal): Promise<void> {
  let stop = (): void => undefined;
  const aborted = new Promise<void>((done) => {
    stop = done;
    signal.addEventListener("abort", stop, { once: true });
  });
  await Promise.race([before.catch(() => undefined), aborted]);
  signal.removeEventListener("abort", stop);
}

export function isLocked(key: string): boolean {
  return queues.has(key);
}

const pins = new Map<string, number>();

/** While a machine is made of it nobody removes an image. */
export async function pinned<T>(folder: string | undefined, work: () => Promise<T>): Promise<T> {
  if (folder === undefined) return work();
  pins.set(folder, (pins.get(folder) ?? 0) + 1);
  try {
    return await work();
  } finally {
    const left = (pins.get(folder) ?? 1) - 1;
    if (left === 0) pins.delete(folder);
    else pins.set(folder, left);
  }
}

export function isPinned(folder: string): boolean {
  return pins.has(folder);
}
