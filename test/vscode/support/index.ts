export { runInHost } from "./host.ts";
export type { ThemeName } from "./settings.ts";
export { startVscode, type Vscode, type VscodeOptions } from "./vscode.ts";
