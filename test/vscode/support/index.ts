export { runInHost } from "./host.ts";
export type { ThemeName } from "./settings.ts";
export { until } from "./until.ts";
export { startVscode, type Vscode, type VscodeOptions } from "./vscode.ts";
export { type EditorWorld, editorWorld } from "./world.ts";
