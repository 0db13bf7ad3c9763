import * as vscode from "vscode";
import type { MachineSummary, ShareView } from "../../api/index.ts";
import { isWhole, pickMachine, plain, withCancellableProgress } from "../../editor/index.ts";
import type { ShareNode } from "../../vmtree/index.ts";
import { type Command, oneVerb, presentError } from "../command.ts";

const { l10n } = vscode;

/** A folder of this computer as a live tree in the guest; a running machine that can take it has it at once. */
export const addShare: Command = oneVerb({
  title: () => l10n.t("Machine to share a folder with"),
  fits: isWhole,
  none: () => l10n.t("There is no machine whose vm.json can be read."),
  async run({ editor }, machine, given, readOnly) {
    const path = typeof given === "string" ? given : given instanceof vscode.Uri ? given.fsPath : await askFolder(machine);
    const access = path === undefined || typeof readOnly === "boolean" ? { readOnly: readOnly === true } : await askAccess(machine);
    if (path === undefined || !access) return undefined;
    const share = await withCancellableProgress(l10n.t("Sharing a folder with {0}", plain(machine.name)), (options) =>
      editor.service.call("share.add", { machine: machine.id, path, ...access }, options),
    );
    void sayAdded(machine, share);
    return share;
  },
});

async function askFolder(machine: MachineSummary): Promise<string | undefined> {
  const chosen = await vscode.window.showOpenDialog({
    canSelectFiles: false,
    canSelectFolders: true,
    ...(vscode.workspace.workspaceFolders?.[0] ? { defaultUri: vscode.workspace.workspaceFolders[0].uri } : {}),
    title: l10n.t("Folder to share with {0}", plain(machine.name)),
    openLabel: l10n.t("Share"),
  });
  return chosen?.[0]?.fsPath;
}

async function askAccess(machine: MachineSummary): Promise<{ readOnly: boolean } | undefined> {
  const both = { label: l10n.t("Read and Write"), detail: l10n.t("What the guest changes is changed here"), readOnly: false };
  const read = { label: l10n.t("Read-Only"), detail: l10n.t("The guest cannot change anything in it"), readOnly: true };
  return vscode.window.showQuickPick([both, read], { title: l10n.t("Shared Folder of {0}", plain(machine.name)) });
}

async function sayAdded(machine: MachineSummary, { tag, state, mountPoint, kind, reason }: ShareView): Promise<void> {
  if (state === "mounted") {
    vscode.window.setStatusBarMessage(
      l10n.t("{0} is {1} in {2} ({3}).", plain(tag), plain(mountPoint), plain(machine.name), kind ?? ""),
      6000,
    );
    return;
  }
  if (state !== "next-start") {
    void vscode.window.showInformationMessage(l10n.t("{0}: {1}.", plain(tag), plain(reason)));
    return;
  }
  const restart = l10n.t("Restart Now");
  const words = l10n.t("{0} has the folder {1} at its next start, as {2}.", plain(machine.name), plain(tag), plain(mountPoint));
  if ((await vscode.window.showInformationMessage(words, restart)) === restart)
    await vscode.commands.executeCommand("vivarium.restart", { machine: machine.id });
}

/** The folder itself stays: nothing is asked. */
export const removeShare: Command = async (work, ...args) => {
  const row = (args[0] as Partial<ShareNode> | undefined)?.kind === "share" ? (args[0] as ShareNode) : undefined;
  const machine = await pickMachine(work.editor, row ? [{ machine: row.machine }] : args, {
    title: l10n.t("Machine to take a shared folder from"),
    fits: isWhole,
    none: l10n.t("There is no machine whose vm.json can be read."),
  });
  if (!machine) return undefined;
  const named = row?.share.tag ?? (typeof args[1] === "string" ? args[1] : undefined);
  try {
    const tag = named ?? (await askForShare(machine, await work.editor.storage.shares(machine.id)));
    if (tag === undefined) return undefined;
    await withCancellableProgress(l10n.t("Taking {0} from {1}", plain(tag), plain(machine.name)), (options) =>
      work.editor.service.call("share.remove", { machine: machine.id, tag }, options),
    );
    vscode.window.setStatusBarMessage(l10n.t("{0} no longer has the folder {1}.", plain(machine.name), plain(tag)), 6000);
    return tag;
  } catch (error) {
    presentError(work, error, machine, () => removeShare(work, machine.id, named));
    return undefined;
  }
};

async function askForShare(machine: MachineSummary, shares: readonly ShareView[]): Promise<string | undefined> {
  if (shares.length === 0) {
    void vscode.window.showInformationMessage(l10n.t("{0} has no shared folder.", plain(machine.name)));
    return undefined;
  }
  const items = shares.map(({ tag, path }) => ({ label: plain(tag), description: plain(path), tag }));
  return (await vscode.window.showQuickPick(items, { title: l10n.t("Shared folder to remove"), matchOnDescription: true }))?.tag;
}
