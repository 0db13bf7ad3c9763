export { type Loaded, type LoadedFile, loadFile, shownIn, testVmFileName } from "./load.ts";
export { askedEnvironment, nameOf, type Plan, type PlannedCommand, resolvePlan, type Surroundings, targetsOf } from "./plan.ts";
export { type FileProblem, problemsError } from "./problem.ts";
export { type LifecycleName, lifecycleNames, testVmJsonSchema } from "./schema.ts";
