import type { Method } from "./method.ts";

/** Folders of this host that a guest sees live: virtiofs and 9p. */
export const shareMethods = {} as const satisfies Record<string, Method>;
