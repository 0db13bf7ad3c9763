import type { VivClient } from "../api/index.ts";
import type { Work } from "./verb.ts";

/** The verb's connection first, a new one when that was lost. */
export function connecting(work: Work): () => Promise<VivClient> {
  let current: VivClient | undefined;
  let lost = false;
  return async () => {
    if (!current || lost) {
      current = current ? await work.host.connect(true) : await work.client();
      lost = false;
      const mine = current;
      void mine.closed.then(() => {
        if (current === mine) lost = true;
      });
    }
    return current;
  };
}
