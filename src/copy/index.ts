export * from "./copy.ts";
export * from "./places.ts";
