/** A machine's moment kept as a template, and the forks that go on from it (docs/forks.md). */
export { closeFiles, requireUntouched, type TemplateFiles, templateFiles } from "./files.ts";
export { flattenMemory } from "./flatten.ts";
export { hardwareOf } from "./hardware.ts";
export { keepFork, requireFork } from "./keep.ts";
export { dropOwnLayers, memoryFileOf, templateLayers } from "./layers.ts";
export { requireMappedMemory } from "./plan.ts";
export { type ForkSource, letForkRun, prepareFork, requireForkable } from "./startFork.ts";
