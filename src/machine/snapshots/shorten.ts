import type { Machine, Operation } from "../machine.ts";

export async function shortenChains(_machine: Machine, _operation: Operation): Promise<void> {}
