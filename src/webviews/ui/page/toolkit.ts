/**
 * Registers the components our pages use. A classic script of its own (`ui.js`), loaded before anything else: the
 * toolkit reads the theme in a `load` listener and misses it when it comes later (knowledge: vscode §6).
 */
import { provideVSCodeDesignSystem, vsCodeButton } from "@vscode/webview-ui-toolkit";

provideVSCodeDesignSystem().register(vsCodeButton());
