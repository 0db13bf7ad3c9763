import { join } from "node:path";
import * as vscode from "vscode";
import type { ServiceProgram } from "../api/index.ts";

/**
 * How to start vivd: on the runtime of this extension host, which hands over to the bundle's own Node at once, so that
 * neither the editor's executable nor the extension's folder stays in use (docs/architecture.md).
 */
export function serviceProgram(extensionFolder: string): ServiceProgram {
  const qemuPath = setting("qemuPath");
  return {
    executable: process.execPath,
    arguments: [join(extensionFolder, "dist", "vivd.js")],
    environment: {
      ...(process.versions["electron"] === undefined ? {} : { ELECTRON_RUN_AS_NODE: "1" }),
      ...(qemuPath === undefined ? {} : { VIVARIUM_QEMU_PATH: qemuPath }),
    },
  };
}

/** The home folder the user set; undefined: VIVARIUM_HOME, else ~/.vivarium (api/homeFolder). */
export function homeSetting(): string | undefined {
  return setting("home");
}

/** Both settings have scope `machine`: a workspace cannot say which program runs. */
function setting(name: "home" | "qemuPath"): string | undefined {
  const value = vscode.workspace.getConfiguration("vivarium").get<string>(name, "").trim();
  return value === "" ? undefined : value;
}
