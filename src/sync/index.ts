export type { LeftOut } from "./entry.ts";
export { type FollowOptions, type FollowState, follow } from "./follow.ts";
export * from "./pull.ts";
export * from "./sync.ts";
