import type { VivClient } from "../api/index.ts";
import { asVivError } from "../model/index.ts";
import type { Work } from "./verb.ts";

/** The service that runs, or undefined when none does. */
export async function connectedOrNone(work: Work): Promise<VivClient | undefined> {
  try {
    return await work.runningClient();
  } catch (thrown) {
    if (asVivError(thrown).code === "daemon-unavailable") return undefined;
    throw thrown;
  }
}
