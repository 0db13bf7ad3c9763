import { accessSync, constants } from "node:fs";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { homedir } from "node:os";
import { delimiter, join } from "node:path";
import * as vscode from "vscode";
import type { Command } from "./command.ts";

const { l10n } = vscode;

/** In the first lines of what we wrote: anything else of that name is somebody else's. */
const mark = "Vivarium's command line";

/** Puts a small launcher named `viv` into a folder of PATH, so that every terminal has it. */
export const installCli: Command = async ({ editor }, given) => {
  const folder = typeof given === "string" ? given : targetFolder(process.env["PATH"] ?? "");
  const file = join(folder, process.platform === "win32" ? "viv.cmd" : "viv");
  const there = await readFile(file, "utf8").catch(() => undefined);
  if (there !== undefined && !there.includes(mark)) throw new Error(l10n.t("{0} exists and is not ours: it was left alone.", file));
  const script = join(editor.context.extensionUri.fsPath, "dist", "viv.js");
  await mkdir(folder, { recursive: true });
  await writeFile(file, launcher(process.execPath, script, process.platform), { mode: 0o755 });
  const found = (process.env["PATH"] ?? "").split(delimiter).includes(folder);
  void vscode.window.showInformationMessage(
    found
      ? l10n.t("Installed {0}. In a new terminal, try: viv ls", file)
      : l10n.t("Installed {0}. Add {1} to PATH to use it.", file, folder),
  );
  return file;
};

/** The user's own folders first; never one that needs another user's rights. */
export function targetFolder(path: string, home = homedir()): string {
  const usual = [
    join(home, ".local", "bin"),
    join(home, "bin"),
    ...(process.platform === "win32" ? [join(home, "AppData", "Local", "Microsoft", "WindowsApps")] : []),
    "/usr/local/bin",
  ];
  const inPath = new Set(path.split(delimiter));
  return usual.find((folder) => inPath.has(folder) && isWritable(folder)) ?? join(home, ".local", "bin");
}

function isWritable(folder: string): boolean {
  try {
    accessSync(folder, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

/** Runs viv.js on the runtime that runs the extension; Electron needs to be told that it is to be Node. */
export function launcher(runtime: string, script: string, platform: NodeJS.Platform): string {
  if (platform === "win32") return `@echo off\r\nrem ${mark}\r\nsetlocal\r\nset ELECTRON_RUN_AS_NODE=1\r\n"${runtime}" "${script}" %*\r\n`;
  return `#!/bin/sh\n# ${mark}\nELECTRON_RUN_AS_NODE=1 exec ${quoted(runtime)} ${quoted(script)} "$@"\n`;
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
