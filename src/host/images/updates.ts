import type { Work } from "../../machine/index.ts";
import type { NetworkSettings } from "../download/index.ts";
import { expectedDigest } from "./proof.ts";
import type { PullContext } from "./pull.ts";
import type { Image } from "./record.ts";
import { sourceOf } from "./source.ts";
import { listNamed } from "./store.ts";

/** What the publisher has now of an image that was pulled by its name. */
export interface ImageUpdate {
  readonly image: Image;
  readonly available: boolean;
  /** Why that could not be found out. */
  readonly problem?: string;
}

/** Asks every publisher for the list of checksums again; no image is fetched. */
export async function imageUpdates(
  request: { readonly catalog?: string | undefined; readonly network?: NetworkSettings | undefined },
  context: PullContext,
  work: Work,
): Promise<ImageUpdate[]> {
  const images = (await listNamed(context.home.images)).filter(({ origin }) => origin?.kind === "pull" && origin.catalog !== undefined);
  const updates: ImageUpdate[] = [];
  for (const image of images) {
    const { origin } = image;
    if (origin?.kind !== "pull" || origin.catalog === undefined) continue;
    work.progress({ kind: "updates", step: image.name });
    try {
      const wanted = { source: origin.catalog, architecture: image.architecture, replace: false, ...request };
      const { algorithm, hex } = await expectedDigest(await sourceOf(wanted, context, work), request.network, work.signal);
      updates.push({ image, available: `${algorithm}:${hex}` !== origin.digest });
    } catch (error) {
      work.signal.throwIfAborted();
      updates.push({ image, available: false, problem: (error as Error).message });
    }
  }
  return updates;
}
