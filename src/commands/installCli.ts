import { accessSync, constants } from "node:fs";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { homedir } from "node:os";
import { delimiter, join } from "node:path";
import * as vscode from "vscode";
import type { Command } from "./command.ts";

const { l10n } = vscode;

/** In the first lines of what we wrote: anything else of that name is somebody else's. */
const mark = "Vivarium's command line";

/**
 * Puts a small launcher named `viv` into a folder of PATH, so that every terminal has it. The program itself is vivd's to
 * put into the home, on the runtime of the bundle: an update of the editor or of Vivarium leaves it working.
 */
export const installCli: Command = async ({ editor }, given) => {
  const path = process.env["PATH"] ?? "";
  const folder = typeof given === "string" ? given : targetFolder(path);
  const file = join(folder, process.platform === "win32" ? "viv.cmd" : "viv");
  const there = await readFile(file, "utf8").catch(() => undefined);
  if (there !== undefined && !there.includes(mark)) throw new Error(l10n.t("{0} exists and is not ours: it was left alone.", file));
  const { launcher: target, runtime } = await editor.service.call("daemon.installCommandLine", {});
  await mkdir(folder, { recursive: true });
  await writeFile(file, launcher(target, process.platform), { mode: 0o755 });
  editor.log.info(`installed ${file}: ${target} on ${runtime}`);
  if (path.split(delimiter).includes(folder)) {
    void vscode.window.showInformationMessage(l10n.t("Installed {0}. In a new terminal, try: viv ls", file));
    return file;
  }
  // Terminals of this editor have it at once; what other shells read is the user's own to change.
  const { environmentVariableCollection: variables } = editor.context;
  variables.description = l10n.t("The command line viv");
  variables.append("PATH", `${delimiter}${folder}`);
  void offerLine(file, folder);
  return file;
};

async function offerLine(file: string, folder: string): Promise<void> {
  const copy = l10n.t("Copy Line");
  const text = l10n.t(
    "Installed {0}. New terminals here have it: try viv ls. Other shells need {1} in their PATH, by a line in your profile.",
    file,
    folder,
  );
  if ((await vscode.window.showInformationMessage(text, copy)) === copy)
    await vscode.env.clipboard.writeText(pathLine(folder, process.platform));
}

/** For `~/.profile`, or a Windows prompt. */
export function pathLine(folder: string, platform: NodeJS.Platform): string {
  return platform === "win32" ? `setx PATH "%PATH%;${folder}"` : `export PATH="$PATH:${folder.replace(/["$`\\]/g, "\\$&")}"`;
}

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

/** Leads to the launcher in the home. */
export function launcher(target: string, platform: NodeJS.Platform): string {
  if (platform === "win32") return `@echo off\r\nrem ${mark}\r\ncall "${target}" %*\r\n`;
  return `#!/bin/sh\n# ${mark}\nexec '${target.replaceAll("'", "'\\''")}' "$@"\n`;
}
