import * as vscode from "vscode";
import type { Command, Work } from "./command.ts";

const { l10n } = vscode;

/** Machines as NAME.viv for ssh: asked first, for the file is the user's own. */
export const installSshConfig: Command = async (work, given) => {
  const view = await ensureSshConfig(work, given === true);
  if (!view) return undefined;
  void vscode.window.showInformationMessage(
    l10n.t("ssh knows every machine as NAME.viv. One that does not run is started when you connect."),
  );
  return view;
};

export const removeSshConfig: Command = async ({ editor }) => {
  const view = await editor.service.call("sshConfig.remove", {});
  void vscode.window.showInformationMessage(l10n.t("{0} does not name Vivarium any more.", view.userFile));
  return view;
};

/** @returns undefined when the user did not want it. */
export async function ensureSshConfig({ editor }: Work, unasked = false): Promise<{ userFile: string } | undefined> {
  const view = await editor.service.call("sshConfig.show", {});
  if (view.installed) return view;
  const add = l10n.t("Add Line");
  const detail = l10n.t(
    "This line goes to the top of {0}, which is backed up first:\n\n{1}\n\nThe file it names is kept current as machines come and go. No other host name is touched.",
    view.userFile,
    view.include,
  );
  if (
    !unasked &&
    (await vscode.window.showInformationMessage(l10n.t("Let ssh know every machine as NAME.viv?"), { modal: true, detail }, add)) !== add
  )
    return undefined;
  return editor.service.call("sshConfig.install", {});
}
