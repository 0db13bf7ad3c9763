export type { PlacedCase } from "./collect.ts";
export { type RunOptions, type RunResult, runTests } from "./run.ts";
export { bringUp, type Standing, standing, type TestMachineStatus, takeDown } from "./standing.ts";
export type { OutputOf, RunWork } from "./work.ts";
