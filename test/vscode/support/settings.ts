/** What a fresh profile is given, so that a picture shows our views and no greeting. */
export const themes = {
  dark: "Default Dark Modern",
  light: "Default Light Modern",
  contrast: "Default High Contrast",
} as const;
export type ThemeName = keyof typeof themes;

export const seedSettings: Readonly<Record<string, unknown>> = {
  "workbench.startupEditor": "none",
  "workbench.welcomePage.experimentalOnboarding": false,
  "workbench.secondarySideBar.defaultVisibility": "hidden",
  "workbench.tips.enabled": false,
  "workbench.colorTheme": themes.dark,
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
