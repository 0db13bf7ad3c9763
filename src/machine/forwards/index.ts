/** Ports of this host that reach a guest through its NAT adapters: at the start, and while it runs. */
export { addForward, listForwards, removeForward } from "./change.ts";
export { openWithheld, settleForwards } from "./open.ts";
export { isSsh, resolveForwards } from "./resolve.ts";
