export { registerConsole } from "./console/index.ts";
export { registerImages } from "./image/index.ts";
export { registerSettings } from "./settings/index.ts";
export { registerSnapshots } from "./snapshots/index.ts";
