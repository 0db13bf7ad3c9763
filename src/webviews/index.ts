export { registerConsole } from "./console/index.ts";
export { registerSettings } from "./settings/index.ts";
