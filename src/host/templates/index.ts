/** Templates and the forks that go on from them (docs/forks.md). */

export { roomForForks } from "./capacity.ts";
export { budgetBytes, editTemplate, forksOf, keepBudget, removeTemplate, runningOn, templateBytes } from "./care.ts";
export { type Forked, type ForkRequest, forkTemplate, removeFork } from "./fork.ts";
export { makeTemplate, type TemplateRequest } from "./make.ts";
export { type SoundTemplate, type Template, TemplateStore } from "./store.ts";
