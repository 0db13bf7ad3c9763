import { readFile } from "node:fs/promises";
import { join } from "node:path";

/** How each theme's id ends: 1.139 dropped the word “Default” from some. */
const endings = {
  dark: "Dark Modern",
  light: "Light Modern",
  contrast: "Default High Contrast",
  "contrast-light": "Default High Contrast Light",
} as const;
export type ThemeName = keyof typeof endings;
export const allThemes = Object.keys(endings) as readonly ThemeName[];
export type Themes = Readonly<Record<ThemeName, string>>;

/** The ids of this VS Code's own themes. */
export async function themesOf(editorRoot: string): Promise<Themes> {
  const manifest = JSON.parse(await readFile(join(editorRoot, "extensions", "theme-defaults", "package.json"), "utf8")) as {
    contributes: { themes: { id: string }[] };
  };
  const find = (ending: string) => {
    const theme = manifest.contributes.themes.find(({ id }) => id.endsWith(ending));
    if (!theme) throw new Error(`This VS Code has no theme “…${ending}”.`);
    return theme.id;
  };
  return {
    dark: find(endings.dark),
    light: find(endings.light),
    contrast: find(endings.contrast),
    "contrast-light": find(endings["contrast-light"]),
  };
}

/** What a fresh profile is given, so that a picture shows our views and no greeting. */
export const seedSettings: Readonly<Record<string, unknown>> = {
  "workbench.startupEditor": "none",
  "workbench.welcomePage.experimentalOnboarding": false,
  "workbench.secondarySideBar.defaultVisibility": "hidden",
  "workbench.tips.enabled": false,
  "workbench.enableExperiments": false,
  "window.autoDetectColorScheme": false,
  "window.commandCenter": false,
  "window.confirmBeforeClose": "never",
  "chat.disableAIFeatures": true,
  "extensions.autoCheckUpdates": false,
  "extensions.autoUpdate": false,
  "extensions.ignoreRecommendations": true,
  "git.enabled": false,
  "npm.autoDetect": "off",
  "security.workspace.trust.enabled": false,
  "telemetry.telemetryLevel": "off",
  "terminal.integrated.gpuAcceleration": "off",
  "terminal.integrated.enablePersistentSessions": false,
  "terminal.integrated.shellIntegration.enabled": false,
  "terminal.integrated.initialHint": false,
  "typescript.disableAutomaticTypeAcquisition": true,
  "update.mode": "none",
};
