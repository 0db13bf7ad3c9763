import * as vscode from "vscode";
import { isGuestFileRef, isWhole, pickMachine, plain } from "../editor/index.ts";
import type { Command, Work } from "./command.ts";
import { ensureSshConfig } from "./sshConfig.ts";

const { l10n } = vscode;

/** Extensions that open `ssh-remote+HOST`: Microsoft's, the open one, and those that editors built on VS Code bring along. */
const remoteExtensions = [
  "ms-vscode-remote.remote-ssh",
  "jeanp413.open-remote-ssh",
  "anysphere.remote-ssh",
  "codeium.windsurf-remote-openssh",
] as const;

/** `vscode-remote://ssh-remote+NAME.viv/path`: a window whose terminals, extensions and debuggers run in the guest. */
export function remoteUri(machine: string, path: string): vscode.Uri {
  return vscode.Uri.from({ scheme: "vscode-remote", authority: `ssh-remote+${machine}.viv`, path });
}

/**
 * Opens a folder of a machine over SSH; one that does not run is booted by ssh's ProxyCommand, now and whenever the
 * window connects again. Without an extension for that, it says which, and offers the files alone.
 */
export const openInMachine: Command = async (work, ...args) => {
  const [first, second] = args;
  const uri = first instanceof vscode.Uri ? first : undefined;
  const machine = await pickMachine(work.editor, uri ? [uri.authority] : args, {
    title: l10n.t("Machine to open a folder in"),
    fits: isWhole,
    none: l10n.t("There is no machine."),
  });
  if (!machine) return undefined;
  const path = uri?.path ?? (isGuestFileRef(first) ? first.path : typeof second === "string" ? second : await askFolder(work, machine));
  if (path === undefined) return undefined;
  if (!remoteExtensions.some((id) => vscode.extensions.getExtension(id) !== undefined)) return sayWhatIsMissing(machine.name, path);
  if (!(await ensureSshConfig(work))) return undefined;
  const remote = remoteUri(machine.name, path);
  await vscode.commands.executeCommand("vscode.openFolder", remote, { forceNewWindow: true });
  return remote;
};

async function askFolder({ editor }: Work, { id, name }: { id: string; name: string }): Promise<string | undefined> {
  const home = await editor.service.call("file.home", { machine: id }).catch(() => ({ path: "/root" }));
  return vscode.window.showInputBox({
    title: l10n.t("Open Folder in {0}", plain(name)),
    value: home.path,
    validateInput: (text) => (text.startsWith("/") ? undefined : l10n.t("The path begins with a slash.")),
  });
}

async function sayWhatIsMissing(machine: string, path: string): Promise<undefined> {
  const [install, browse] = [l10n.t("Find Extension"), l10n.t("Open Files Only")];
  const text = l10n.t(
    "A window inside a machine needs Remote - SSH (or Open Remote - SSH, where the former may not be used). Without it, the files of {0} can be opened here.",
    plain(machine),
  );
  const chosen = await vscode.window.showInformationMessage(text, install, browse);
  if (chosen === install) await vscode.commands.executeCommand("workbench.extensions.search", "remote ssh");
  if (chosen === browse) await vscode.commands.executeCommand("vivarium.files.addToWorkspace", { machine, path, isFolder: true });
  return undefined;
}
