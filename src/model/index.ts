export * from "./definition.ts";
export * from "./differences.ts";
export * from "./errors.ts";
export * from "./jsonSchema.ts";
export * from "./names.ts";
export * from "./snapshots.ts";
export * from "./state.ts";
export * from "./units.ts";
