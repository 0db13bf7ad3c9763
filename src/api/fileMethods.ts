import type { Method } from "./method.ts";

/** Files of the guest: what vm:// and the Files node are made of. */
export const fileMethods = {} as const satisfies Record<string, Method>;
