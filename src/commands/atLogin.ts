import { execFile } from "node:child_process";
import * as vscode from "vscode";
import type { Command, Work } from "./command.ts";

const { l10n } = vscode;

/**
 * The background service at login, and told of logout, so that machines are suspended then. `viv` does it (`daemon
 * install`), from the copy in the home that an update of the editor or of Vivarium leaves working.
 */
export const startAtLogin: Command = async (work) => {
  const { file } = await viv<{ file: string | null }>(work, "daemon", "install");
  const made = l10n.t("The background service starts at login, and suspends machines at logout.");
  void vscode.window.showInformationMessage(file === null ? made : `${made} (${file})`);
  return true;
};

export const noStartAtLogin: Command = async (work) => {
  await viv(work, "daemon", "uninstall");
  void vscode.window.showInformationMessage(
    l10n.t("The background service no longer starts at login. Any window or viv command starts it."),
  );
  return true;
};

/** @throws VivError as `viv` says it. */
async function viv<T>({ editor }: Work, ...words: string[]): Promise<T> {
  const { launcher } = await editor.service.call("daemon.installCommandLine", {});
  const [program, ...before] = process.platform === "win32" ? ["cmd.exe", "/d", "/c", launcher] : [launcher];
  const { home } = await editor.service.call("daemon.status", {});
  const env = { ...process.env, VIVARIUM_HOME: home };
  const ended = await new Promise<{ error: Error | null; stdout: string; stderr: string }>((resolve) => {
    const options = { env, windowsHide: true };
    execFile(program ?? launcher, [...before, ...words, "--json"], options, (error, stdout, stderr) => resolve({ error, stdout, stderr }));
  });
  if (ended.error !== null) throw await errorOf(ended.stderr, ended.error);
  return JSON.parse(ended.stdout) as T;
}

/** What `viv --json` said on its last line, else why it did not run. */
async function errorOf(stderr: string, failure: Error): Promise<Error> {
  const { vivError } = await import("../model/index.ts");
  try {
    const { message, hint } = (JSON.parse(stderr.trim().split("\n").at(-1) ?? "") as { error: { message: string; hint?: string } }).error;
    return vivError("host-cannot", message, hint);
  } catch {
    return failure;
  }
}
