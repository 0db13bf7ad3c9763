import type { Method } from "./method.ts";

/** Images: what machines are made from; the store, the catalog, pulling and importing. */
export const imageMethods = {} as const satisfies Record<string, Method>;
