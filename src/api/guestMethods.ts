import type { Method } from "./method.ts";

/** Inside the guest, by viv-agent, its agent or SSH: system facts, users, keys, housekeeping. */
export const guestMethods = {} as const satisfies Record<string, Method>;
