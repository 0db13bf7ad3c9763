export { runInHost } from "./host.ts";
export { type ThemeName, themes } from "./settings.ts";
export { startVscode, type Vscode, type VscodeOptions } from "./vscode.ts";
