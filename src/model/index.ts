export * from "./catalog.ts";
export * from "./definition.ts";
export * from "./differences.ts";
export * from "./errors.ts";
export * from "./firstBoot.ts";
export * from "./guestPath.ts";
export * from "./jsonSchema.ts";
export * from "./names.ts";
export * from "./probes.ts";
export * from "./readiness.ts";
export * from "./snapshots.ts";
export * from "./state.ts";
<<<<<<< HEAD
export * from "./templates.ts";
=======
export * from "./suggest.ts";
>>>>>>> 4590336 (Test machines: the test-VM file, trust, reports of test frameworks, viv test|up|down|status)
export * from "./units.ts";
